"""EM routing of votes that are all made, with its gradient written out."""

from keras import ops

from capszoo.kernels.em_vjp import EMSteps
from capszoo.kernels.em_votes import VotesSource
from capszoo.kernels.em_votes import parents_first
from capszoo.kernels.em_votes import parents_last
from capszoo.kernels.vjp import custom_vjp


def supports(votes, **_):
    """Any votes: few passes over them beat automatic differentiation everywhere."""
    return True


def run(votes, activations, beta_use, beta_activation, **constants):
    """Computes what `EMRouting` does, see `route_by_em`."""
    steps = EMSteps(**constants)

    def of_made(made, activations, *betas):
        outputs = route_by_em(steps, made, activations, *betas)
        return tuple(ops.cast(output, made.dtype) for output in outputs)

    return votes.given_to(of_made, activations, beta_use, beta_activation)


def route_by_em(steps, votes, activations, beta_use, beta_activation):
    """Computes what `EMRouting` says of all votes at once.

    Args:
        steps: `capszoo.kernels.em_vjp.EMSteps`.
        votes: Tensor of shape `(batch, *spatial, parents, children, pose_dim)`.
        activations: Tensor of shape `(batch, *spatial, children)`.
        beta_use: Tensor of shape `(parents,)`.
        beta_activation: Tensor of shape `(parents,)`.

    Returns:
        Poses of shape `(batch, *spatial, parents, pose_dim)` and activations without the last
        axis, in float32; where asked for also the coupling `(batch, *spatial, parents,
        children)`.
    """

    def source(votes):
        return VotesSource(
            array=votes,
            chunks=1,
            make=lambda votes: votes,
            start=tuple,
            collect=lambda collected, votes, votes_gradient: (collected, votes_gradient),
        )

    def forward(votes, activations, *betas):
        residuals = steps.forward(source(votes), activations, *betas)
        return steps.result(residuals), residuals

    def backward(arguments, residuals, upstream):
        votes, activations, *_ = arguments
        _, *gradients = steps.backward(source(votes), activations, residuals, upstream)
        return tuple(gradients)

    *spatial, _, children, pose_dim = votes.shape[1:]
    votes, activations, *betas = (
        ops.cast(one, "float32") for one in (votes, activations, beta_use, beta_activation)
    )
    result = custom_vjp(forward, backward)(
        parents_first(votes, trailing=2), ops.reshape(activations, (-1, children)), *betas
    )
    return steps.outputs(parents_last(result, spatial), pose_dim)
