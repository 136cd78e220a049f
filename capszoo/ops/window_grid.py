"""How many windows fit a map, and how much of nothing is put around it for more to fit."""

from capszoo.validation import SPATIAL_AXES


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


def _written(size):
    return "x".join(map(str, size))
