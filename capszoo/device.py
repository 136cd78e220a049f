"""What runs where: the devices at hand, what a backend is doing, the hardware in words."""

import contextlib
import functools
import importlib.metadata
import os
import pathlib
import platform

import keras

from capszoo.version import __version__

_STATUS = pathlib.Path("/proc/self/status")
_LIMITS_OF_CONTAINER = (
    pathlib.Path("/sys/fs/cgroup/memory.max"),
    pathlib.Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@functools.cache
def runs_on_cpu() -> bool:
    """Tells whether no device but the CPU is at hand."""
    if keras.backend.backend() == "torch":
        import torch

        return not (torch.cuda.is_available() or torch.backends.mps.is_available())
    return all(device.startswith("cpu") for device in keras.distribution.list_devices())


def compiled_by_torch() -> bool:
    """Tells whether `torch.compile` is at work: it cannot see through gradients of one's own."""
    if keras.backend.backend() != "torch":
        return False
    import torch

    return torch.compiler.is_compiling()


def compiled_by_jax(*tensors) -> bool:
    """Tells whether `jax.jit` is at work on one of some tensors, whatever else of JAX is."""
    if keras.backend.backend() != "jax":
        return False
    import jax
    from jax.interpreters.partial_eval import DynamicJaxprTracer

    def compiled(value):
        while isinstance(value, jax.core.Tracer) and not isinstance(value, DynamicJaxprTracer):
            # What is differentiated, or batched, is within.
            value = getattr(value, "primal", getattr(value, "val", None))
        return isinstance(value, DynamicJaxprTracer)

    return any(map(compiled, tensors))


def describe_hardware() -> str:
    """Names the accelerator in use, if there is one, and the processor cores of this process.

    Returns:
        String such as `"2 CPU cores, x86_64"`.

    Example:

    >>> "CPU core" in capszoo.device.describe_hardware()
    True
    """
    # A scheduler may give a process fewer cores than there are; macOS and Windows do not say.
    allowed = getattr(os, "sched_getaffinity", None)
    count = len(allowed(0)) if allowed else os.cpu_count()
    cores = f"{count} CPU core{'' if count == 1 else 's'}, {platform.machine()}"
    accelerator = _accelerator()
    return f"{accelerator}, {cores}" if accelerator else cores


def versions() -> dict[str, str]:
    """Lists the versions of what a result depends on.

    Returns:
        Dictionary from a package's name to its version, Python's among them.

    Example:

    >>> sorted(capszoo.device.versions())[0]
    'capszoo'
    """
    found = {"capszoo": __version__, "python": platform.python_version()}
    for name in ("keras", "numpy", keras.backend.backend()):
        package = next(iter(importlib.metadata.packages_distributions().get(name, [name])))
        found[name] = importlib.metadata.version(package)
    return found


def resident_bytes(peak: bool = False) -> int:
    """Tells how much memory this process holds, on Linux.

    Args:
        peak: Whether the most that it ever held is meant. Defaults to `False`.

    Returns:
        A number of bytes.

    Raises:
        OSError: If the system does not say.
    """
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return int(lines["VmHWM" if peak else "VmRSS"].split()[0]) * 1024


@functools.cache
def machine_memory() -> int | None:
    """Tells how much memory this machine has, or its container may take.

    Returns:
        A number of bytes; `None` where the system does not say.

    Example:

    >>> capszoo.device.machine_memory() > 2**28
    True
    """
    found = []
    with contextlib.suppress(AttributeError, OSError, ValueError):  # not on Windows
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for file in _LIMITS_OF_CONTAINER:
        with contextlib.suppress(OSError, ValueError):  # "max" where there is none
            found.append(int(file.read_text()))
    return min(found, default=None)


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
