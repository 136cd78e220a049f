"""Time and memory of functions, side by side."""

import ctypes
import pathlib
import statistics
import time

import keras

from capszoo.device import resident_bytes
from capszoo.device import runs_on_cpu

_CLEAR = pathlib.Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
# mallopt's M_MMAP_THRESHOLD.
_MMAP_THRESHOLD, _SMALL = -3, 1 << 16
_SETTLED = 0.3


def median_seconds(functions, repeats):
    """Times functions by turns, so that what else the machine does falls on all of them alike.

    As in training, where steps of one kind follow each other, each call that is timed comes
    after one that is not: else what the function before left, memory still being given back
    and caches full of its numbers, would count as this one's time.

    Args:
        functions: Functions without arguments that return once the work is done.
        repeats: How often each is timed.

    Returns:
        List of the medians, in seconds.

    Example:

    >>> quick, slow = capszoo.benchmarks.timing.median_seconds(
    ...     [lambda: None, lambda: sum(range(100_000))], repeats=3
    ... )
    >>> quick < slow
    True
    """
    seconds = [[] for _ in functions]
    for _ in range(repeats):
        for function, own in zip(functions, seconds, strict=True):
            function()
            start = time.perf_counter()
            function()
            own.append(time.perf_counter() - start)
    return [statistics.median(own) for own in seconds]


def peak_memory(function):
    """Measures how much more memory there is in use, at most, while a function runs.

    Args:
        function: Function without arguments. What it keeps from a call before, such as
            compiled code, is not counted. Slower calls follow: measure times first.

    Returns:
        Bytes of the device, on a GPU, else of the process; `None` where that cannot be told:
        on JAX's GPUs, on the CPU with TensorFlow, which keeps what it frees, and elsewhere
        than on Linux.
    """
    if not runs_on_cpu():
        return _device_peak(function)
    return None if keras.backend.backend() == "tensorflow" else _process_peak(function)


def _process_peak(function):
    try:
        # What is freed but kept by the allocator would hide what is allocated: from here on
        # it returns all but small pieces at once, which costs time.
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _SMALL)
        function()
        # Backends free on threads of their own, after the result is there.
        time.sleep(_SETTLED)
        library.malloc_trim(0)
        before = resident_bytes()
        _CLEAR.write_text(_RESET_PEAK)
    except (OSError, AttributeError, KeyError):
        return None
    function()
    return max(resident_bytes(peak=True) - before, 0)


def _device_peak(function):
    if keras.backend.backend() == "torch":
        import torch

        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        function()
        return torch.cuda.max_memory_allocated() - before
    if keras.backend.backend() == "tensorflow":
        from tensorflow.config import experimental

        before = experimental.get_memory_info("GPU:0")["current"]
        experimental.reset_memory_stats("GPU:0")
        function()
        return experimental.get_memory_info("GPU:0")["peak"] - before
    # JAX's peak is since the process began: no figure of one function.
    return None
