"""EM routing with its gradient written out, in few passes over the votes."""

import dataclasses
import math
from typing import Any
from typing import NamedTuple

import keras
from keras import ops

from capszoo.ops import Windows
from capszoo.ops import log_sigmoid
from capszoo.routing.agreement import agreement
from capszoo.routing.agreement import sum_children

EPSILON = 1e-7


class Iteration(NamedTuple):
    """What an iteration leaves to the gradient, as large as the coupling or the parents."""

    coupling: Any
    mass: Any
    shares: Any
    means: Any
    variances: Any
    use: Any
    logits: Any


@dataclasses.dataclass(frozen=True)
class EMSteps:
    """EM routing and its gradient without a tensor for each step of it.

    Automatic differentiation keeps or writes a tensor of the size of the votes at each of a
    dozen steps. Here all that is kept is as large as the coupling or as the parents, and the
    gradient of the votes is a sum of few outer products: with `r` the shares `r[i, j] /
    mass[j]`, `dx` for the gradient of `x` and `q` the squared distances `(v - mean)**2`,

        dv   = sum over iterations of  r dmean + 2 (v - mean) (r dvar + ddistance / (2 var))
        dr   = v . dmean + q . dvar
        dvar = -sum over children of ddistance q / (2 var**2) + ...

    where all that is left out is of the parents' size.

    Attributes:
        inverse_temperatures: Lambda of each iteration, numbers.
        information_scale: What a mass is multiplied by to give information, a number.
        variance_floor: Added to every variance.
        windows: As in `EMRouting`. Defaults to `None`.
        return_coupling: Whether the last coupling is a result too. Defaults to `False`.
    """

    inverse_temperatures: list
    information_scale: float
    variance_floor: float
    windows: Windows | None = None
    return_coupling: bool = False

    def forward(self, votes, activations, beta_use, beta_activation):
        """Returns what each iteration leaves to the gradient."""
        presence = ops.expand_dims(activations, -2)
        log_coupling = normalize(ops.zeros_like(votes[..., 0]), self.windows)
        kept = []
        for iteration, inverse_temperature in enumerate(self.inverse_temperatures):
            coupling = ops.exp(log_coupling)
            weights = coupling * presence
            mass = ops.sum(weights, axis=-1) + EPSILON
            shares = weights / ops.expand_dims(mass, -1)
            means = sum_children(shares, votes)
            squares = squared_distances(votes, means)
            variances = sum_children(shares, squares) + self.variance_floor
            log_variances = ops.log(variances)
            use = ops.sum(ops.expand_dims(beta_use, -1) + 0.5 * log_variances, axis=-1)
            logits = inverse_temperature * (beta_activation - use * self.information_scale * mass)
            kept.append(Iteration(coupling, mass, shares, means, variances, use, logits))
            if iteration < len(self.inverse_temperatures) - 1:
                scale = 0.5 * ops.sum(log_variances + math.log(2 * math.pi), axis=-1)
                log_coupling = normalize(
                    ops.expand_dims(log_sigmoid(logits) - scale, -1)
                    - agreement(squares, 0.5 / variances),
                    self.windows,
                )
        return kept

    def result(self, kept):
        """Joins poses, activations and coupling: Keras gives gradients to single results."""
        last = kept[-1]
        outputs = [last.means, ops.expand_dims(ops.sigmoid(last.logits), -1)]
        if self.return_coupling:
            outputs.append(last.coupling)
        return ops.concatenate(outputs, axis=-1)

    def outputs(self, result, pose_dim):
        """Takes apart what `result` has joined."""
        outputs = (result[..., :pose_dim], result[..., pose_dim])
        return (*outputs, result[..., pose_dim + 1 :]) if self.return_coupling else outputs

    def backward(self, votes, activations, kept, upstream):
        """Returns the gradients of the arguments of `forward`."""
        pose_dim, iterations = votes.shape[-1], len(kept)
        presence = ops.expand_dims(activations, -2)
        activations_gradient = beta_use_gradient = beta_activation_gradient = 0.0
        # The gradient of the votes: sum of factors * (shifts + votes * scales).
        factors, shifts, scales = [], [], []
        log_gradient = None  # of the next iteration's coupling
        for iteration in reversed(range(iterations)):
            coupling, mass, shares, means, variances, use, logits = kept[iteration]
            squares = squared_distances(votes, means)
            if iteration == iterations - 1:
                means_gradient = upstream[..., :pose_dim]
                active = ops.sigmoid(logits)
                logits_gradient = upstream[..., pose_dim] * active * (1.0 - active)
                variances_gradient = 0.0
                coupling_gradient = upstream[..., pose_dim + 1 :] if self.return_coupling else 0.0
            else:
                # Of the E-step: distances are subtracted, so these are minus their gradients.
                next_coupling = kept[iteration + 1].coupling
                densities = log_gradient - next_coupling * self._total_per_child(log_gradient)
                density = ops.sum(densities, axis=-1)
                logits_gradient = density * ops.sigmoid(-logits)
                density = ops.expand_dims(density, -1)
                precisions = 1.0 / variances
                means_gradient = precisions * (sum_children(densities, votes) - means * density)
                variances_gradient = (
                    0.5 * precisions * (precisions * sum_children(densities, squares) - density)
                )
                factors.append(densities)
                shifts.append(means * precisions)
                scales.append(-precisions)
                coupling_gradient = 0.0

            inverse_temperature = self.inverse_temperatures[iteration]
            beta_activation_gradient += inverse_temperature * _over_parents(logits_gradient)
            cost_gradient = -inverse_temperature * self.information_scale * logits_gradient
            use_gradient = cost_gradient * mass
            beta_use_gradient += pose_dim * _over_parents(use_gradient)
            variances_gradient += 0.5 * ops.expand_dims(use_gradient, -1) / variances

            # Of the M-step. The shares sum up to a little less than 1.
            missing = ops.expand_dims(1.0 - ops.sum(shares, axis=-1), -1)
            means_gradient = means_gradient - 2.0 * variances_gradient * means * missing
            shares_gradient = agreement(squares, variances_gradient)
            shares_gradient = shares_gradient + agreement(votes, means_gradient)
            factors.append(shares)
            shifts.append(means_gradient - 2.0 * means * variances_gradient)
            scales.append(2.0 * variances_gradient)
            mass_gradient = cost_gradient * use - ops.sum(shares_gradient * shares, axis=-1) / mass
            weights_gradient = shares_gradient / ops.expand_dims(mass, -1)
            weights_gradient = weights_gradient + ops.expand_dims(mass_gradient, -1)
            activations_gradient += ops.sum(weights_gradient * coupling, axis=-2)
            log_gradient = (weights_gradient * presence + coupling_gradient) * coupling
        return (
            _sum_of_products(votes, factors, shifts, scales),
            activations_gradient,
            beta_use_gradient,
            beta_activation_gradient,
        )

    def _total_per_child(self, gradient):
        """Sums over all the parents that see a child."""
        total = ops.sum(gradient, axis=-2)
        return ops.expand_dims(
            total if self.windows is None else self.windows.sum_per_child(total), -2
        )


def route_by_em(steps, votes, activations, beta_use, beta_activation):
    """Computes what `EMRouting` says of all votes at once.

    Args:
        steps: `EMSteps`.
        votes: Tensor of shape `(batch, *spatial, parents, children, pose_dim)`.
        activations: Tensor of shape `(batch, *spatial, children)`.
        beta_use: Tensor of shape `(parents,)`.
        beta_activation: Tensor of shape `(parents,)`.

    Returns:
        Poses of shape `(batch, *spatial, parents, pose_dim)` and activations without the last
        axis, in float32; where asked for also the coupling `(batch, *spatial, parents,
        children)`.
    """

    @ops.custom_gradient
    def routed(votes, activations, beta_use, beta_activation):
        kept = steps.forward(votes, activations, beta_use, beta_activation)

        def gradient(*arguments, upstream=None):
            if upstream is None:
                (upstream,) = arguments
            return steps.backward(votes, activations, kept, upstream)

        return steps.result(kept), gradient

    arguments = (votes, activations, beta_use, beta_activation)
    result = routed(*(ops.cast(argument, "float32") for argument in arguments))
    return steps.outputs(result, votes.shape[-1])


def normalize(logits, windows):
    """Log-softmax for each child over all the parents that see it."""
    total = ops.logsumexp(logits, axis=-2)
    if windows is not None:
        total = windows.logsumexp_per_child(total)
    return logits - ops.expand_dims(total, -2)


def squared_distances(votes, means):
    """Squares of the distances of votes from the means of their parents."""
    distances = votes - ops.expand_dims(means, -2)
    # In place where a backend would take new memory: nothing here is recorded.
    return distances.square_() if _eager() else ops.square(distances)


def _over_parents(x):
    """Sums over all axes but the last, that of the parents."""
    return ops.sum(x, axis=tuple(range(len(x.shape) - 1)))


def _sum_of_products(votes, factors, shifts, scales):
    """Sums outer products `factor * (shift + votes * scale)`, of the votes' shape."""
    if keras.backend.backend() == "jax":
        # Fused into one pass.
        return sum(
            ops.expand_dims(factor, -1)
            * (ops.expand_dims(shift, -2) + ops.expand_dims(scale, -2) * votes)
            for factor, shift, scale in zip(factors, shifts, scales, strict=True)
        )
    factors = ops.stack(factors, axis=-1)
    products = ops.matmul(factors, ops.stack(scales, axis=-2))
    shifted = ops.matmul(factors, ops.stack(shifts, axis=-2))
    if _eager():
        return products.mul_(votes).add_(shifted)
    return products * votes + shifted


def _eager():
    return keras.backend.backend() == "torch"
