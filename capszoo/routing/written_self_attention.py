"""Self-attention routing of dense capsules by passes over the votes, with its gradient."""

import keras
from keras import ops


def attend_by_passes(passes, children, kernel, coupling_bias):
    """Sums votes by how much each agrees with all votes for the same parent.

    What `SelfAttentionRouting` squashes, of `dense_votes(children, kernel)`. One pass makes the
    votes, another their gradient. With `p` the sum of the votes divided by the root of
    `pose_dim`, `c = softmax(A)` the coupling without bias and `d` for a gradient

        dA = c * (votes . ds - sum over parents of c * (votes . ds))
        dp = sum over children of dA * votes
        dvotes = (c + bias) * ds + dA * p + dp / sqrt(pose_dim)

    Args:
        passes: How a pass is done: `FusedPasses`.
        children: Tensor of shape `(batch, children, child_dim)`.
        kernel: Tensor of shape `(children, child_dim, parents, pose_dim)`.
        coupling_bias: Tensor of shape `(parents, children)`.

    Returns:
        Tensor of shape `(batch, parents, pose_dim)`, in float32.
    """
    dtype = keras.backend.standardize_dtype(children.dtype)
    inputs, _, _, pose_dim = kernel.shape
    scale = pose_dim**-0.5

    @ops.custom_gradient
    def attended(children, kernel, coupling_bias):
        mean = passes.sum_up(children, kernel) * scale
        result, attention = passes.attend(children, kernel, mean, coupling_bias)

        def gradient(*arguments, upstream=None):
            if upstream is None:
                (upstream,) = arguments
            mean_gradient, attention_gradient = passes.go_back(
                children, kernel, upstream, attention
            )
            children_gradient, kernel_gradient = passes.multiply(
                children,
                kernel,
                [(attention, upstream)],
                [
                    (coupling_bias, upstream),
                    (attention_gradient, mean),
                    (ops.ones((1, inputs, 1)), mean_gradient * scale),
                ],
            )
            # The gradient of the coupling, summed over the samples: no votes are needed.
            weights = ops.einsum("bic,bjd->icjd", ops.cast(children, "float32"), upstream)
            bias_gradient = ops.einsum("icjd,icjd->ij", ops.cast(kernel, "float32"), weights)
            return children_gradient, kernel_gradient, ops.expand_dims(bias_gradient, 0)

        return result, gradient

    coupling_bias = ops.expand_dims(ops.transpose(ops.cast(coupling_bias, "float32")), 0)
    return attended(children, ops.cast(kernel, dtype), coupling_bias)
