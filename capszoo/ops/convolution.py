"""Convolution in the form that is fastest on the backend at hand, and its windows."""

import contextlib
import contextvars
import itertools
import math

import keras
from keras import ops

from capszoo.device import compiled_by_jax
from capszoo.device import compiled_by_torch
from capszoo.device import runs_on_cpu
from capszoo.ops import fourier
from capszoo.ops.window_grid import same_pads
from capszoo.ops.window_grid import window_grid
from capszoo.validation import check_choice
from capszoo.validation import check_size

# Of the images that are convolved at once, on JAX: what a core's own cache holds.
_MAX_PATCH_BYTES = 1_000_000

_ALLOWS_FOURIER = contextvars.ContextVar("allows_fourier", default=True)


def conv(inputs, kernel, strides=1, padding="valid"):
    """Convolves channels-last maps of one, two or three axes with a kernel.

    The result is that of `keras.ops.conv` (to float32 rounding). Images are convolved by `conv2d`,
    others natively or, where `prefers_patches` says so, as patches and one matrix product.

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
    (`fourier.py`); else, on JAX, a few images at a time as patches and one matrix product; the
    rest natively.

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

    On JAX's CPU backend strided convolutions of images and those of 5x5 or more do, and where the
    images can take turns all of them: see `images_at_once`. On TensorFlow and PyTorch the native
    form wins, as it does on GPUs.

    Measured on 2 CPU cores with JAX 0.10.2, milliseconds forward / forward and both gradients.
    In three dimensions, batch 4 of 16x16x16, and in one, batch 32:

    | convolution | native | patches |
    |---|---|---|
    | 3x3x3 stride 2, 16 to 64 channels | 2.5 / 298 | 0.7 / 4.7 |
    | 3x3x3 stride 1, 16 to 32 channels | 15.6 / 75 | 45.2 / 52 |
    | 9 stride 2, 64 to 256 channels | 1.4 / 5.1 | 3.3 / 8.9 |

    Volumes of unit stride would pay 125 times their input in memory for windows of 5x5x5. In one
    dimension the native form has no weak spot.
    """
    if keras.backend.backend() != "jax" or not runs_on_cpu():
        return False
    strided, large = max(strides) > 1, max(kernel_size) >= 5
    return {1: False, 2: strided or large, 3: strided}[len(kernel_size)]


def images_at_once(inputs, kernel_size, strides, padding):
    """Computes how many images a convolution takes at once, where they take turns.

    JAX's CPU backend computes the native kernel's gradient at half the speed of a matrix
    product, the input's of a strided convolution at a hundredth, and writes the patches of a
    whole batch to memory that is new each time. Milliseconds of one core forward / forward and
    both gradients, 32 images, JAX 0.10.2:

    | convolution | native | all patches | in turn |
    |---|---|---|---|
    | 3x3, 32 to 64 channels, 24x24 | 5.8 / 22.5 | 21.2 / 39.0 | 4.7 / 15.1 |
    | 3x3, 64 to 64 channels, 22x22 | 7.2 / 29.7 | 36.8 / 60.2 | 6.9 / 23.5 |
    | 3x3, 3 to 32 channels, 34x34 | 2.5 / 8.3 | 1.6 / 4.8 | 1.1 / 3.3 |
    | 5x5, 32 to 64 channels, 18x18 | 5.1 / 22.8 | 21.8 / 36.9 | 4.6 / 18.1 |
    | 9x9, 1 to 256 channels, 28x28, 8 images | 0.7 / 19.3 | 0.9 / 5.3 | 1.1 / 3.8 |

    Returns:
        A divisor of the batch; `None` where all are to be convolved at once.
    """
    if len(kernel_size) != 2 or keras.backend.backend() != "jax" or not runs_on_cpu():
        return None
    batch, *size, channels = inputs.shape
    # Images that are shared out between devices cannot take turns, nor those of an export,
    # where a size may be a symbol.
    known = all(isinstance(number, int) for number in (batch, *size))
    if not known or not batch or keras.distribution.distribution() is not None:
        return None
    grid = window_grid("inputs", size, kernel_size, strides, padding)
    bytes_of_one = 4 * math.prod(grid) * math.prod(kernel_size) * channels
    most = max(_MAX_PATCH_BYTES // bytes_of_one, 1)
    return max(images for images in range(1, min(most, batch) + 1) if batch % images == 0)


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


def _conv_directly(inputs, kernel, strides, padding):
    kernel_size = tuple(kernel.shape[:-2])
    if max(kernel_size) == 1 and max(strides) > 1:
        # Windows of one position see no other. Told to step over them, PyTorch 2.13 writes past its
        # memory for the gradient of few channels (https://github.com/uxlfoundation/oneDNN/issues/6035).
        inputs = inputs[:, *(slice(None, None, step) for step in strides)]
        strides = (1,) * len(strides)
    images = images_at_once(inputs, kernel_size, strides, padding)
    # Of no images TensorFlow gives back maps of their size.
    empty = inputs.shape[0] == 0
    # What is not compiled as a whole would compile its loop anew at each call.
    if images is not None and compiled_by_jax(inputs, kernel):
        return _conv_in_turn(inputs, kernel, strides, padding, images)
    if not (empty or prefers_patches(kernel_size, strides)):
        return ops.conv(
            inputs, kernel, strides=strides, padding=padding, data_format="channels_last"
        )
    patches = extract_patches(inputs, kernel_size, strides, padding)
    return ops.matmul(patches, ops.reshape(kernel, (-1, kernel.shape[-1])))


def _conv_in_turn(inputs, kernel, strides, padding, images):
    """Convolves a few images after another; patches are made again for the gradient."""
    filters = kernel.shape[-1]
    rows = ops.reshape(kernel, (-1, filters))

    @keras.remat
    def convolve(some, rows):
        patches = extract_patches(some, kernel.shape[:2], strides, padding)
        maps = ops.matmul(ops.reshape(patches, (-1, rows.shape[0])), rows)
        return ops.reshape(maps, (*patches.shape[:-1], filters))

    if images == inputs.shape[0]:
        return convolve(inputs, rows)
    groups = ops.reshape(inputs, (-1, images, *inputs.shape[1:]))
    _, maps = ops.scan(lambda carry, some: (carry, convolve(some, rows)), (), groups)
    return ops.reshape(maps, (-1, *maps.shape[2:]))


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
