"""Convolution by Fourier transforms: a fraction of the products, where windows are large."""

import functools

import numpy as np
from keras import ops

# Making the transforms costs time too, most of it in memory: half of the products has to go.
_WORTH = 2


def convolve(inputs, kernel, strides, grid):
    """Convolves channels-last images with a kernel, without padding, in the frequency domain.

    With a stride `s`, the pixels `s * i + phase` and the kernel's entries `s * j + phase` are
    taken as one more channel for each phase, which leaves a convolution of stride 1. Its
    transforms multiply at each frequency:

    `outputs = inverse(transform(inputs) * conjugate(transform(kernel)))`

    A period of `windows + kernel size - 1` keeps its ends apart. Of the frequencies of real
    maps half are the conjugates of others, and a product of complex numbers takes three of real
    ones; so inputs and kernel are each multiplied by one real matrix, then with each other once
    for each of its rows, and a third matrix makes the outputs.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`, float32.
        kernel: Tensor of shape `(kernel_height, kernel_width, channels, filters)`, float32.
        strides: Pair of steps between windows in pixels.
        grid: How many windows there are, down and across.

    Returns:
        Tensor of shape `(batch, new_height, new_width, filters)`; it differs from the sum over
        the window by rounding of float32.

    Reference:

    - [Mathieu, Henaff, LeCun, 2013](https://arxiv.org/abs/1312.5851)
    """
    *kernel_size, channels, filters = kernel.shape
    taps, period = _taps_and_period(grid, kernel_size, strides)

    inputs = _fit(inputs, 1, period, strides)
    inputs = ops.reshape(inputs, (-1, period[0], strides[0], period[1], strides[1], channels))
    inputs = ops.transpose(inputs, (1, 3, 0, 2, 4, 5))
    kernel = _fit(kernel, 0, taps, strides)
    kernel = ops.reshape(kernel, (taps[0], strides[0], taps[1], strides[1], channels, filters))
    kernel = ops.transpose(kernel, (0, 2, 1, 3, 4, 5))

    of_inputs, of_kernel, of_products = _matrices(grid, taps)
    products, summed = len(of_inputs), strides[0] * strides[1] * channels
    inputs = ops.matmul(of_inputs, ops.reshape(inputs, (period[0] * period[1], -1)))
    kernel = ops.matmul(of_kernel, ops.reshape(kernel, (taps[0] * taps[1], -1)))
    outputs = ops.matmul(
        ops.reshape(inputs, (products, -1, summed)),
        ops.reshape(kernel, (products, summed, filters)),
    )
    outputs = ops.matmul(of_products, ops.reshape(outputs, (products, -1)))
    outputs = ops.reshape(outputs, (*grid, -1, filters))
    return ops.transpose(outputs, (2, 0, 1, 3))


def least_batch(grid, kernel_shape, strides):
    """Computes from which batch size on the frequency domain is worth its transforms.

    Args:
        grid: How many windows there are, down and across.
        kernel_shape: `(kernel_height, kernel_width, channels, filters)`.
        strides: Pair of steps between windows in pixels.

    Returns:
        An integer, or `None` where no batch is large enough.
    """
    *kernel_size, channels, filters = kernel_shape
    taps, period = _taps_and_period(grid, kernel_size, strides)
    places, positions = grid[0] * grid[1], period[0] * period[1]
    summed = strides[0] * strides[1] * channels
    products = _number_of_products(period)
    direct = places * kernel_size[0] * kernel_size[1] * channels * filters
    an_image = products * (positions * summed + summed * filters + places * filters)
    the_kernel = products * taps[0] * taps[1] * summed * filters
    gain = direct - _WORTH * an_image
    return None if gain <= 0 else -(-_WORTH * the_kernel // gain)


def _taps_and_period(grid, kernel_size, strides):
    # Of the convolution of stride 1.
    taps = tuple(-(-window // stride) for window, stride in zip(kernel_size, strides, strict=True))
    return taps, tuple(windows + tap - 1 for windows, tap in zip(grid, taps, strict=True))


def _fit(maps, axis, steps, strides):
    """Cuts two axes, or fills them up with zeros, to a number of steps of the strides."""
    sizes = [step * stride for step, stride in zip(steps, strides, strict=True)]
    maps = maps[(slice(None),) * axis + tuple(slice(size) for size in sizes)]
    pads = [(0, 0)] * len(maps.shape)
    for place, size in enumerate(sizes, axis):
        pads[place] = (0, size - maps.shape[place])
    return ops.pad(maps, pads) if any(after for _, after in pads) else maps


def _number_of_products(period):
    own_conjugate = (2 - period[0] % 2) * (2 - period[1] % 2)
    return own_conjugate + 3 * (period[0] * period[1] - own_conjugate) // 2


@functools.lru_cache(maxsize=64)
def _matrices(grid, taps):
    """The matrices of inputs, kernel and products, in float32."""
    period = tuple(windows + tap - 1 for windows, tap in zip(grid, taps, strict=True))
    number = period[0] * period[1]
    inputs, kernel, outputs = [], [], []
    for frequency in np.ndindex(period):
        conjugate = tuple(-np.array(frequency) % period)
        if frequency > conjugate:
            continue
        waves = [_wave(frequency, period, size) for size in (period, taps, grid)]
        (x_real, x_imaginary), (k_real, k_imaginary), (cosine, sine) = waves
        if frequency == conjugate:
            inputs += [x_real]
            kernel += [k_real]
            outputs += [cosine / number]
            continue
        # Of (x_r + i x_i)(k_r - i k_i): real a - b, imaginary a - c, where
        # a = (x_r + x_i) k_r, b = x_i (k_r - k_i), c = x_r (k_r + k_i).
        inputs += [x_real + x_imaginary, x_imaginary, x_real]
        kernel += [k_real, k_real - k_imaginary, k_real + k_imaginary]
        # The outputs sum (real + i imaginary)(cosine - i sine) over a frequency and its conjugate.
        outputs += [2 / number * wave for wave in (cosine + sine, -cosine, -sine)]
    return tuple(np.array(matrix, "float32") for matrix in (inputs, kernel, np.transpose(outputs)))


def _wave(frequency, period, size):
    """`exp(-2 pi i frequency x / period)` over positions `x`: real and imaginary parts."""
    rows, columns = np.indices(size).reshape(2, -1)
    angle = 2 * np.pi * (frequency[0] * rows / period[0] + frequency[1] * columns / period[1])
    return np.cos(angle), -np.sin(angle)
