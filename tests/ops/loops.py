"""Windows over maps, in NumPy loops."""

import numpy as np


def loop_patches(x, kernel_size, strides, padding):
    """The windows over maps, cut out one by one."""
    (kh, kw), (sh, sw) = kernel_size, strides
    height, width = x.shape[1:3]
    if padding == "same":
        rows, columns = -(-height // sh), -(-width // sw)
        down = max((rows - 1) * sh + kh - height, 0)
        right = max((columns - 1) * sw + kw - width, 0)
        pads = ((0, 0), (down // 2, down - down // 2), (right // 2, right - right // 2), (0, 0))
        x = np.pad(x, pads)
    else:
        rows, columns = (height - kh) // sh + 1, (width - kw) // sw + 1
    return np.stack(
        [
            np.stack(
                [
                    x[:, r * sh : r * sh + kh, c * sw : c * sw + kw].reshape(len(x), -1)
                    for c in range(columns)
                ],
                axis=1,
            )
            for r in range(rows)
        ],
        axis=1,
    )
