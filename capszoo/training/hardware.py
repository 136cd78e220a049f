"""What a run was measured on."""

import os
import platform

import keras


def describe_hardware():
    """Names the accelerator in use, if there is one, and the processor cores.

    Returns:
        String such as `"2 CPU cores, x86_64"`.

    Example:

    >>> "CPU cores" in capszoo.training.hardware.describe_hardware()
    True
    """
    cores = f"{os.cpu_count()} CPU cores, {platform.machine()}"
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
