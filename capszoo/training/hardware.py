"""What a run was measured on."""

import os
import platform

import keras


def describe_hardware():
    """Names the accelerator in use, if there is one, and the processor cores of this process.

    Returns:
        String such as `"2 CPU cores, x86_64"`.

    Example:

    >>> "CPU core" in capszoo.training.hardware.describe_hardware()
    True
    """
    # A scheduler may give a process fewer cores than there are; macOS and Windows do not say.
    allowed = getattr(os, "sched_getaffinity", None)
    count = len(allowed(0)) if allowed else os.cpu_count()
    cores = f"{count} CPU core{'' if count == 1 else 's'}, {platform.machine()}"
    accelerator = _accelerator()
    return f"{accelerator}, {cores}" if accelerator else cores


def _accelerator():
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        device = jax.devices()[0]
        return None if device.platform == "cpu" else device.device_kind
    if backend == "torch":
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else None
    import tensorflow

    devices = tensorflow.config.list_physical_devices("GPU")
    if not devices:
        return None
    return tensorflow.config.experimental.get_device_details(devices[0]).get("device_name", "GPU")
