"""Convolution in the form that is fastest on the backend at hand, and its windows."""

import contextlib
import contextvars
import itertools

import keras
from keras import ops

from capszoo.device import compiled_by_torch
from capszoo.device import runs_on_cpu
from capszoo.ops import fourier
from capszoo.validation import SPATIAL_AXES
from capszoo.validation import check_choice
from capszoo.validation import check_size

_ALLOWS_FOURIER = contextvars.ContextVar("allows_fourier", default=True)


def conv(inputs, kernel, strides=1, padding="valid"):
    """Convolves channels-last maps of one, two or three axes with a kernel.

    The result is that of `keras.ops.conv` (to float32 rounding). Images are convolved by
    `conv2d`; of the others, what `prefers_patches` says as patches and one matrix product, the
    rest natively.

    Args:
        inputs: Tensor of shape `(batch, *size, channels)`.
        kernel: Tensor of shape `(*kernel_size, channels, filters)`.
        strides: Step between windows, one integer or one for each axis. Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.

    Returns:
        Tensor of shape `(batch, *new_size, filters)`.

    Raises:
        ValueError: If `padding` or `strides` is not one of the above.

    Example:

    >>> volumes = np.ones((2, 9, 9, 9, 1), "float32")
    >>> tuple(capszoo.ops.conv(volumes, np.ones((3, 3, 3, 1, 8), "float32"), strides=2).shape)
    (2, 4, 4, 4, 8)
    """
    rank = len(inputs.shape) - 2
    if rank == 2:
        return conv2d(inputs, kernel, strides, padding)
    strides = check_size("strides", strides, rank)
    check_choice("padding", padding, ("valid", "same"))
    return _conv_directly(inputs, kernel, strides, padding)


def conv2d(inputs, kernel, strides=1, padding="valid"):
    """Convolves channels-last images with a kernel, as `keras.ops.conv` does.

    The result is that of `keras.ops.conv` (to float32 rounding) in the form that is fastest. On
    a CPU, batches for which it saves half of the products are convolved in the frequency domain
    (`fourier.py`); else, on JAX, what `prefers_patches` says is computed as patches and one
    matrix product; the rest natively.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        kernel: Tensor of shape `(kernel_height, kernel_width, channels, filters)`.
        strides: Step between windows in pixels, one integer or two. Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.

    Returns:
        Tensor of shape `(batch, new_height, new_width, filters)`.

    Raises:
        ValueError: If `padding` or `strides` is not one of the above.

    Example:

    >>> images = np.ones((2, 28, 28, 1), "float32")
    >>> tuple(capszoo.ops.conv2d(images, np.ones((9, 9, 1, 256), "float32"), strides=2).shape)
    (2, 10, 10, 256)
    """
    strides = check_size("strides", strides, rank=2)
    check_choice("padding", padding, ("valid", "same"))
    kernel_size = tuple(kernel.shape[:2])

    def in_frequencies():
        grid = window_grid("inputs", inputs.shape[1:3], kernel_size, strides, padding)
        padded = _padded(inputs, kernel_size, strides, padding)
        return fourier.convolve(padded, kernel, strides, grid)

    def directly():
        return _conv_directly(inputs, kernel, strides, padding)

    least = _least_fourier_batch(inputs, kernel, strides, padding)
    if least is None:
        return directly()
    batch = inputs.shape[0]
    if batch is None:
        return ops.cond(ops.shape(inputs)[0] >= least, in_frequencies, directly)
    return in_frequencies() if batch >= least else directly()


@contextlib.contextmanager
def direct_convolutions():
    """Keeps convolutions out of the frequency domain within, to compare with.

    A compiled function stays as it was compiled.
    """
    token = _ALLOWS_FOURIER.set(False)
    try:
        yield
    finally:
        _ALLOWS_FOURIER.reset(token)


def prefers_patches(kernel_size, strides):
    """Tells whether patches and one matrix product beat the native convolution here.

    Measured on 2 CPU cores with JAX 0.10.2, batch 32, milliseconds forward / forward and both
    gradients, native against patches:

    | convolution | native | patches |
    |---|---|---|
    | 9x9 stride 2, 256 to 256 channels, 20x20 | 203 / 9550 | 136 / 233 |
    | 9x9 stride 1, 1 to 256 channels, 28x28 | 3.7 / 64.7 | 3.9 / 9.4 |
    | 3x3 stride 2, 64 to 64 channels, 14x14 | 1.0 / 3.3 | 0.8 / 2.5 |
    | 3x3 stride 1, 64 to 64 channels, 14x14 | 3.1 / 10.5 | 2.1 / 9.0 |

    So on JAX's CPU backend every strided convolution and every kernel of 5x5 or more takes
    patches; small unit-stride kernels gain little and would pay 9 times their input in memory.
    On TensorFlow (233 native, 489 patches for the first row) and PyTorch (308, 366) the native
    form wins, as it does on GPUs.

    In three dimensions, batch 4 of 16x16x16, and in one, batch 32:

    | convolution | native | patches |
    |---|---|---|
    | 3x3x3 stride 2, 16 to 64 channels | 2.5 / 298 | 0.7 / 4.7 |
    | 5x5x5 stride 2, 16 to 32 channels | 9.5 / 672 | 6.8 / 28 |
    | 3x3x3 stride 1, 16 to 32 channels | 15.6 / 75 | 45.2 / 52 |
    | 3 stride 2, 128 to 256 channels, 64 | 0.5 / 2.1 | 0.6 / 2.4 |
    | 9 stride 2, 64 to 256 channels, 128 | 1.4 / 5.1 | 3.3 / 8.9 |

    Strided convolutions of volumes take patches; those of unit stride would pay 125 times their
    input in memory for windows of 5x5x5. In one dimension the native form has no weak spot.
    """
    if keras.backend.backend() != "jax" or not runs_on_cpu():
        return False
    strided, large = max(strides) > 1, max(kernel_size) >= 5
    return {1: False, 2: strided or large, 3: strided}[len(kernel_size)]


def extract_patches(inputs, kernel_size, strides=1, padding="valid"):
    """Cuts the windows a convolution would see out of channels-last maps.

    Made of strided slices, so that its gradient is a sum of padded slices on every backend.

    Args:
        inputs: Tensor of shape `(batch, *size, channels)`, with one, two or three axes of size.
        kernel_size: Size of a window, one integer or one for each axis.
        strides: Step between windows, one integer or one for each axis. Defaults to `1`.
        padding: `"valid"` or `"same"` (zeros around, as a convolution pads).
            Defaults to `"valid"`.

    Returns:
        Tensor of shape `(batch, *new_size, places * channels)`, of as many places as a window
        has; a window is laid out row by row, channels fastest.

    Raises:
        ValueError: If the window is larger than the map.

    Example:

    >>> tuple(capszoo.ops.extract_patches(np.zeros((2, 5, 5, 3), "float32"), 3).shape)
    (2, 3, 3, 27)
    """
    size = inputs.shape[1:-1]
    kernel_size = check_size("kernel_size", kernel_size, len(size))
    strides = check_size("strides", strides, len(size))
    new_size = window_grid("inputs", size, kernel_size, strides, padding)
    inputs = _padded(inputs, kernel_size, strides, padding)

    def starts(axis, offset):
        return slice(offset, offset + (new_size[axis] - 1) * strides[axis] + 1, strides[axis])

    slices = [
        inputs[(slice(None), *itertools.starmap(starts, enumerate(place)))]
        for place in itertools.product(*map(range, kernel_size))
    ]
    return ops.concatenate(slices, axis=-1)


def window_grid(argument, size, kernel_size, strides, padding):
    """Computes how many windows fit a map, along each of its axes.

    Raises `ValueError`, naming `argument`, if a window is larger than an unpadded map.
    """
    if padding == "same":
        return tuple(-(-old // stride) for old, stride in zip(size, strides, strict=True))
    if any(window > old for window, old in zip(kernel_size, size, strict=True)):
        axes = " x ".join(SPATIAL_AXES[len(size)])
        raise ValueError(
            f"A window of {_written(kernel_size)} does not fit `{argument}` of "
            f"{_written(size)} ({axes}) with padding='valid'. Use a smaller kernel_size, a "
            "larger input or padding='same'."
        )
    return tuple(
        (old - window) // stride + 1
        for old, window, stride in zip(size, kernel_size, strides, strict=True)
    )


def same_pads(size, kernel_size, strides):
    """Computes the padding of `"same"`: for each axis the pair (before, after)."""
    totals = [
        max((-(-old // stride) - 1) * stride + window - old, 0)
        for old, window, stride in zip(size, kernel_size, strides, strict=True)
    ]
    return tuple((total // 2, total - total // 2) for total in totals)


def _conv_directly(inputs, kernel, strides, padding):
    kernel_size = tuple(kernel.shape[:-2])
    if not prefers_patches(kernel_size, strides):
        return ops.conv(
            inputs, kernel, strides=strides, padding=padding, data_format="channels_last"
        )
    patches = extract_patches(inputs, kernel_size, strides, padding)
    return ops.matmul(patches, ops.reshape(kernel, (-1, kernel.shape[-1])))


def _written(size):
    return "x".join(map(str, size))


def _least_fourier_batch(inputs, kernel, strides, padding):
    """From which batch size on the frequency domain is used; `None` for never."""
    if compiled_by_torch() or not _ALLOWS_FOURIER.get() or not runs_on_cpu():
        return None
    if {keras.backend.standardize_dtype(x.dtype) for x in (inputs, kernel)} != {"float32"}:
        return None
    batch, *size, _ = inputs.shape
    # In a model that is exported a size may be a symbol, which cannot be compared.
    if not isinstance(batch, (int, type(None))) or None in size:
        return None
    grid = window_grid("inputs", size, tuple(kernel.shape[:2]), strides, padding)
    return fourier.least_batch(grid, kernel.shape, strides)


def _padded(inputs, kernel_size, strides, padding):
    if padding == "valid":
        return inputs
    pads = same_pads(inputs.shape[1:-1], kernel_size, strides)
    return ops.pad(inputs, [(0, 0), *pads, (0, 0)])
