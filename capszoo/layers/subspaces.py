"""What layers of subspace capsules share: a basis for each capsule, and what follows."""

import keras
from keras import ops

from capszoo.kernels.inverse_square_root import inverse_square_root
from capszoo.ops import safe_norm


def orthonormal(kernel, num_capsules, pose_dim):
    """Makes the columns of each capsule's basis orthonormal.

        W[j] (W[j]^T W[j])^(-1/2)

    Args:
        kernel: Tensor of shape `(..., num_capsules * pose_dim)`; the axes before are those of what
            is projected.
        num_capsules: How many capsules there are.
        pose_dim: How many columns each has, no more than there are rows.

    Returns:
        Tensor of the same shape and dtype.

    Example:

    >>> kernel = np.array([[2.0, 0.0], [0.0, 3.0], [0.0, 0.0]], "float32")
    >>> np.asarray(capszoo.layers.subspaces.orthonormal(kernel, 1, 2)).round(4).tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    dtype = keras.backend.standardize_dtype(kernel.dtype)
    shape = kernel.shape
    basis = ops.reshape(ops.cast(kernel, "float32"), (-1, num_capsules, pose_dim))
    basis = ops.transpose(basis, (1, 0, 2))
    grams = ops.matmul(ops.swapaxes(basis, -1, -2), basis)
    basis = ops.matmul(basis, inverse_square_root(grams))
    return ops.cast(ops.reshape(ops.transpose(basis, (1, 0, 2)), shape), dtype)


def mean_squash(poses):
    """Shortens poses to below one by their mean square.

        q = mean(x^2),    y = x sqrt(q) / (1 + q)

    Args:
        poses: Tensor of shape `(..., pose_dim)`.

    Returns:
        Tensor of the same shape.

    Example:

    >>> found = capszoo.layers.subspaces.mean_squash(np.array([[3.0, 3.0]]))
    >>> np.asarray(found).astype(float).round(3).tolist()
    [[0.9, 0.9]]
    """
    root = safe_norm(poses, keepdims=True) * poses.shape[-1] ** -0.5
    return ops.multiply(poses, root / (1.0 + root * root))


def threshold(poses, bound):
    """Shortens poses by a bound, those below it to nothing.

        y = x relu(|x| - b^2) / |x|

    Args:
        poses: Tensor of shape `(..., pose_dim)`.
        bound: The root of the bound, as it broadcasts to the lengths.

    Returns:
        Tensor of the same shape.

    Example:

    >>> found = capszoo.layers.subspaces.threshold(np.array([[3.0, 4.0]]), 1.0)
    >>> np.asarray(found).astype(float).round(3).tolist()
    [[2.4, 3.2]]
    """
    length = safe_norm(poses)
    kept = ops.relu(length - bound * bound) / (length + 1e-7)
    return ops.multiply(poses, ops.expand_dims(kept, -1))
