"""Self-attention routing of dense capsules on a GPU, whose votes are never written."""

from keras import ops

from capszoo.kernels import fused_passes
from capszoo.kernels.vjp import custom_vjp
from capszoo.ops import squash


def supports(votes, return_coupling, **_):
    """Tells whether fused passes beat all votes at once here; they have no coupling to give."""
    return not return_coupling and fused_passes.beat_all_votes(votes)


def run(votes, bias, **_):
    """Computes what `SelfAttentionRouting` does, see `attend_by_passes`."""
    passes = fused_passes.FusedPasses()
    poses = attend_by_passes(passes, *votes.dense_factors(), bias)
    return ops.cast(squash(poses, kind="exponential"), votes.dtype)


def attend_by_passes(passes, children, kernel, coupling_bias):
    """Sums votes by how much each agrees with all votes for the same parent.

    What `SelfAttentionRouting` squashes, of `dense_votes(children, kernel)`. One pass makes the
    votes, another their gradient. With `p` the sum of the votes divided by the root of
    `pose_dim`, `c = softmax(A)` the coupling without bias and `d` for a gradient

        dA = c * (votes . ds - sum over parents of c * (votes . ds))
        dp = sum over children of dA * votes
        dvotes = (c + bias) * ds + dA * p + dp / sqrt(pose_dim)

    Args:
        passes: `capszoo.kernels.vote_passes.AttentionVotePasses`.
        children: Tensor of shape `(batch, children, child_dim)`.
        kernel: Tensor of shape `(children, child_dim, parents, pose_dim)`.
        coupling_bias: Tensor of shape `(parents, children)`.

    Returns:
        Tensor of shape `(batch, parents, pose_dim)`, in float32.
    """
    inputs, _, _, pose_dim = kernel.shape
    scale = pose_dim**-0.5

    def forward(children, kernel, coupling_bias):
        mean = passes.sum_votes(children, kernel) * scale
        result, attention = passes.attend(children, kernel, mean, coupling_bias)
        return result, (mean, attention)

    def backward(arguments, residuals, upstream):
        children, kernel, coupling_bias = arguments
        mean, attention = residuals
        mean_gradient, attention_gradient = passes.iterate_vjp(
            children, kernel, upstream, attention
        )
        children_gradient, kernel_gradient = passes.votes_vjp(
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

    coupling_bias = ops.expand_dims(ops.transpose(ops.cast(coupling_bias, "float32")), 0)
    kernel = ops.cast(kernel, children.dtype)
    return custom_vjp(forward, backward)(children, kernel, coupling_bias)
