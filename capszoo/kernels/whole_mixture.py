"""Routing by mixtures of votes that are all made, with its gradient written out."""

from keras import ops

from capszoo.kernels.mixture_votes import VotesSource
from capszoo.kernels.mixture_votes import parents_first
from capszoo.kernels.mixture_votes import parents_last
from capszoo.kernels.vjp import custom_vjp
from capszoo.ops import widen


def supports(votes, **_):
    """Any votes: few passes over them beat automatic differentiation everywhere."""
    return True


def run(votes, activations, steps, parameters):
    """Computes what the steps say, see `route_by_mixture`."""

    def of_made(made, activations, *parameters):
        return route_by_mixture(steps, made, activations, *parameters)

    return votes.given_to(of_made, activations, *parameters)


def route_by_mixture(steps, votes, activations, *parameters):
    """Computes what the steps of a routing say of all votes at once.

    Args:
        steps: `capszoo.kernels.mixture_vjp.MixtureSteps`.
        votes: Tensor of shape `(batch, *spatial, parents, children, pose_dim)`.
        activations: Tensor of shape `(batch, *spatial, children)`.
        *parameters: Tensors of shape `(parents,)`.

    Returns:
        The outputs of the steps, of shape `(batch, *spatial, parents, ...)`, in float32.
    """

    def source(votes):
        return VotesSource(
            parents=parents,
            array=votes,
            chunks=1,
            make=lambda votes: votes,
            start=tuple,
            collect=lambda collected, votes, votes_gradient: (collected, votes_gradient),
        )

    def forward(votes, activations, *parameters):
        residuals = steps.forward(source(votes), activations, *parameters)
        return steps.result(residuals, *parameters), residuals

    def backward(arguments, residuals, upstream):
        votes, activations, *parameters = arguments
        _, *gradients = steps.backward(source(votes), activations, parameters, residuals, upstream)
        return tuple(gradients)

    *spatial, parents, children, pose_dim = votes.shape[1:]
    votes, activations, *parameters = map(widen, (votes, activations, *parameters))
    result = custom_vjp(forward, backward)(
        parents_first(votes, trailing=2), ops.reshape(activations, (-1, children)), *parameters
    )
    return steps.outputs(parents_last(result, spatial), pose_dim)
