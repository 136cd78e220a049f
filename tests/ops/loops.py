"""Windows over maps, in NumPy loops."""

import numpy as np


def loop_patches(x, kernel_size, strides, padding):
    """The windows over maps of any rank, cut out one by one."""
    size = x.shape[1:-1]
    if padding == "same":
        grid = [-(-old // step) for old, step in zip(size, strides, strict=True)]
        totals = [
            max((new - 1) * step + window - old, 0)
            for old, new, step, window in zip(size, grid, strides, kernel_size, strict=True)
        ]
        pads = [(total // 2, total - total // 2) for total in totals]
        x = np.pad(x, [(0, 0), *pads, (0, 0)])
    else:
        grid = [
            (old - window) // step + 1
            for old, step, window in zip(size, strides, kernel_size, strict=True)
        ]
    patches = np.zeros((len(x), *grid, np.prod(kernel_size) * x.shape[-1]), x.dtype)
    for where in np.ndindex(*grid):
        own = [
            slice(at * step, at * step + window)
            for at, step, window in zip(where, strides, kernel_size, strict=True)
        ]
        patches[(slice(None), *where)] = x[(slice(None), *own)].reshape(len(x), -1)
    return patches


def loop_transposed(x, kernel, strides, padding):
    """A transposed convolution, child by child; the kernel is `(*kernel_size, channels, filters)`.

    `padding="same"` leaves the size times the strides, cut out of the middle; where what is cut
    off is odd, one more comes off the end.
    """
    size, kernel_size = x.shape[1:-1], kernel.shape[:-2]
    full = [
        max((old - 1) * step + window, old * step)
        for old, step, window in zip(size, strides, kernel_size, strict=True)
    ]
    outputs = np.zeros((len(x), *full, kernel.shape[-1]))
    for where in np.ndindex(*size):
        for place in np.ndindex(*kernel_size):
            to = [at * step + off for at, step, off in zip(where, strides, place, strict=True)]
            outputs[(slice(None), *to)] += x[(slice(None), *where)] @ kernel[place]
    if padding == "same":
        for axis, (new, old, step) in enumerate(zip(full, size, strides, strict=True), start=1):
            cut = (new - old * step) // 2
            outputs = outputs.take(range(cut, cut + old * step), axis)
    return outputs
