"""Plain NumPy forward passes on the arrays of a file, to compare converted models with."""

import numpy as np

EPSILON = 1e-7
# Arguments of a model that the passes below follow, or that do not change scores.
FOLLOWED = {
    *("image_shape", "rescaling", "normalization", "strides", "activation", "primary_strides"),
    *("num_objects", "decoder", "reconstruction_weight", "conv_strides", "padding"),
}


def convolution(
    x: np.ndarray,
    kernel: np.ndarray,
    bias: np.ndarray,
    strides: int | tuple[int, int] = 1,
    padding: str = "valid",
) -> np.ndarray:
    """A convolution; `kernel` is (height, width, channels, filters)."""
    rows, columns = strides if isinstance(strides, (tuple, list)) else (strides, strides)
    if padding == "same":
        pads = [(0, 0), (0, 0), (0, 0), (0, 0)]
        for axis, step in ((1, rows), (2, columns)):
            size, window = x.shape[axis], kernel.shape[axis - 1]
            total = max((-(-size // step) - 1) * step + window - size, 0)
            pads[axis] = (total // 2, total - total // 2)
        x = np.pad(x, pads)
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
    windows = windows[:, ::rows, ::columns]
    return np.einsum("byxcij,ijcf->byxf", windows, kernel, optimize=True) + bias


def depthwise_convolution(
    x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, strides: int = 1
) -> np.ndarray:
    """A convolution of each channel by itself; `kernel` is (height, width, 1, channels)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
    windows = windows[:, ::strides, ::strides]
    return np.einsum("byxcij,ijc->byxc", windows, kernel[:, :, 0], optimize=True) + bias


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """The softmax along an axis."""
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def length(x: np.ndarray) -> np.ndarray:
    """The lengths of vectors on the last axis, which is kept."""
    return np.sqrt((x * x).sum(axis=-1, keepdims=True) + EPSILON)


def squash(x: np.ndarray) -> np.ndarray:
    """The standard squash: `n**2 / (1 + n**2) * x / n`."""
    squared = (x * x).sum(axis=-1, keepdims=True)
    return squared / (1 + squared) * x / length(x)


def exponential_squash(x: np.ndarray) -> np.ndarray:
    """The exponential squash: `(1 - exp(-n)) * x / n`."""
    return -np.expm1(-length(x)) * x / length(x)


def self_attention_scores(children: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Class scores by self-attention routing; `kernel` is (classes, children, child, class)."""
    votes = np.einsum("bic,jice->bjie", children, kernel, optimize=True)
    total = votes.sum(axis=2, keepdims=True)
    coupling = softmax((votes * total).sum(axis=-1) / votes.shape[-1] ** 0.5, axis=1)
    parents = ((coupling[..., None] + bias) * votes).sum(axis=2)
    return length(exponential_squash(parents))[..., 0]


def dynamic_scores(children: np.ndarray, kernel: np.ndarray, iterations: int = 3) -> np.ndarray:
    """Class scores by dynamic routing; `kernel` is (classes, children, class, child)."""
    votes = np.einsum("bic,jiec->bjie", children, kernel, optimize=True)
    logits = np.zeros(votes.shape[:3])
    for _ in range(iterations):
        parents = squash((softmax(logits, axis=1)[..., None] * votes).sum(axis=2))
        logits = logits + (votes * parents[:, :, None]).sum(axis=-1)
    return length(parents)[..., 0]
