"""EM routing and its vector-Jacobian product, in few passes over the votes."""

import dataclasses
import functools
import math
from typing import Any
from typing import NamedTuple

import keras
from keras import ops

from capszoo.kernels.tiles import scan_chunks
from capszoo.kernels.vjp import records
from capszoo.ops import Windows
from capszoo.ops import agreement
from capszoo.ops import log_normalize
from capszoo.ops import log_sigmoid
from capszoo.ops import mass_and_shares
from capszoo.ops import sum_children


class Residuals(NamedTuple):
    """What an iteration leaves to its gradient, as large as the coupling or the parents."""

    coupling: Any
    mass: Any
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

    Nothing but the normalization of the coupling sees more than one parent. So votes are taken
    for few parents at a time, all that is done with them while they are in the caches.

    Here the parents come first and all axes before them are one, of rows: a coupling is
    `(parents, rows, children)`.

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

    @property
    def iterations(self):
        return len(self.inverse_temperatures)

    def forward(self, source, activations, beta_use, beta_activation):
        """Returns what each iteration leaves to the gradient.

        Args:
            source: `capszoo.kernels.em_votes.VotesSource`.
            activations: Tensor of shape `(rows, children)`.
            beta_use: Tensor of shape `(parents,)`.
            beta_activation: Tensor of shape `(parents,)`.

        Returns:
            List of `Residuals`.
        """
        shape = (beta_use.shape[0], ops.shape(activations)[0], activations.shape[1])
        log_coupling = log_normalize(
            ops.zeros(shape, dtype=activations.dtype), self.windows, axis=0
        )
        votes = source.array
        residuals = []
        for iteration in range(self.iterations):
            step = functools.partial(self._iterate, iteration, source.make, activations)
            arrays = (votes, log_coupling, beta_use, beta_activation)
            _, outputs = scan_chunks(step, (), arrays, source.chunks)
            if iteration == 0 and self.iterations > 1:
                votes, *outputs = outputs
            if iteration < self.iterations - 1:
                *outputs, log_coupling = outputs
                log_coupling = log_normalize(log_coupling, self.windows, axis=0)
            residuals.append(Residuals(*outputs))
        return residuals

    def _iterate(
        self, iteration, make, activations, carry, votes, log_coupling, beta_use, beta_activation
    ):
        """Does one iteration for some parents."""
        made = ()
        if iteration == 0:
            votes = make(votes)
            made = (votes,) if self.iterations > 1 else ()
        beta_use, beta_activation = (
            ops.expand_dims(beta, -1) for beta in (beta_use, beta_activation)
        )
        coupling = ops.exp(log_coupling)
        mass, shares = mass_and_shares(coupling, activations)
        means = sum_children(shares, votes)
        squares = squared_distances(votes, means)
        variances = sum_children(shares, squares) + self.variance_floor
        log_variances = ops.log(variances)
        use = ops.sum(0.5 * log_variances, axis=-1) + votes.shape[-1] * beta_use
        cost = use * self.information_scale * mass
        logits = self.inverse_temperatures[iteration] * (beta_activation - cost)
        outputs = (*made, coupling, mass, means, variances, use, logits)
        if iteration == self.iterations - 1:
            return carry, outputs
        scale = 0.5 * ops.sum(log_variances + math.log(2 * math.pi), axis=-1)
        log_densities = ops.expand_dims(log_sigmoid(logits) - scale, -1)
        return carry, (*outputs, log_densities - agreement(squares, 0.5 / variances))

    def result(self, residuals):
        """Joins poses, activations and coupling: Keras gives gradients to single results."""
        last = residuals[-1]
        outputs = [last.means, ops.expand_dims(ops.sigmoid(last.logits), -1)]
        if self.return_coupling:
            outputs.append(last.coupling)
        return ops.concatenate(outputs, axis=-1)

    def outputs(self, result, pose_dim):
        """Takes apart what `result` has joined."""
        outputs = (result[..., :pose_dim], result[..., pose_dim])
        return (*outputs, result[..., pose_dim + 1 :]) if self.return_coupling else outputs

    def backward(self, source, activations, residuals, upstream):
        """Returns the gradients.

        Args:
            source: `capszoo.kernels.em_votes.VotesSource`.
            activations: Tensor of shape `(rows, children)`.
            residuals: What `forward` has returned.
            upstream: Tensor of shape `(parents, rows, ...)`, the gradient of the result.

        Returns:
            What the source has collected, the gradient of its array, of the activations and of
            the two betas.
        """
        pose_dim = residuals[0].means.shape[-1]
        votes, given, total = source.array, upstream, None
        activations_gradient = ops.zeros_like(activations)
        betas_gradients, factors = [], []
        for iteration in reversed(range(self.iterations)):
            last, first = iteration == self.iterations - 1, iteration == 0
            arrays = [votes, given, *residuals[iteration]]
            if not last:
                arrays.append(residuals[iteration + 1].coupling)
                if self.windows is not None:
                    total = self.windows.sum_per_child(total)
            if first:
                arrays += [source.array, *factors]
            step = functools.partial(self._iterate_vjp, iteration, source, activations, total)
            collected = source.start() if first else (ops.zeros_like(activations),)
            carry = (activations_gradient, *collected)
            carry, outputs = scan_chunks(step, carry, tuple(arrays), source.chunks)
            activations_gradient, *collected = carry
            if not first:
                (total,) = collected
            if last and not first:
                votes, *outputs = outputs
            given, use_gradient, logits_gradient, *new = outputs
            betas_gradients.append((use_gradient, logits_gradient))
            factors += new
        use_gradients, logits_gradients = zip(*betas_gradients, strict=True)
        return (
            collected,
            given,
            activations_gradient,
            pose_dim * sum(use_gradients),
            sum(logits_gradients),
        )

    def _iterate_vjp(self, iteration, source, activations, total, carry, votes, given, *arrays):
        """Does what `backward` does of one iteration for some parents."""
        last, first = iteration == self.iterations - 1, iteration == 0
        activations_gradient, *collected = carry
        if last:
            votes = source.make(votes)
        size = len(Residuals._fields)
        coupling, mass, means, variances, use, logits = arrays[:size]
        arrays = arrays[size:]
        pose_dim = votes.shape[-1]
        _, shares = mass_and_shares(coupling, activations)
        squares = squared_distances(votes, means)
        new = []
        if last:
            means_gradient = given[..., :pose_dim]
            active = ops.sigmoid(logits)
            logits_gradient = given[..., pose_dim] * active * (1.0 - active)
            variances_gradient = 0.0
            coupling_gradient = given[..., pose_dim + 1 :] if self.return_coupling else 0.0
        else:
            # Of the E-step: distances are subtracted, so these are minus their gradients.
            next_coupling, *arrays = arrays
            densities = given - next_coupling * total
            density = ops.sum(densities, axis=-1)
            logits_gradient = density * ops.sigmoid(-logits)
            density = ops.expand_dims(density, -1)
            precisions = 1.0 / variances
            means_gradient = precisions * (sum_children(densities, votes) - means * density)
            variances_gradient = (
                0.5 * precisions * (precisions * sum_children(densities, squares) - density)
            )
            new += [densities, means * precisions, -precisions]
            coupling_gradient = 0.0

        inverse_temperature = self.inverse_temperatures[iteration]
        cost_gradient = -inverse_temperature * self.information_scale * logits_gradient
        use_gradient = cost_gradient * mass
        variances_gradient += 0.5 * ops.expand_dims(use_gradient, -1) / variances

        # Of the M-step. The shares sum up to a little less than 1.
        missing = ops.expand_dims(1.0 - ops.sum(shares, axis=-1), -1)
        means_gradient = means_gradient - 2.0 * variances_gradient * means * missing
        shares_gradient = agreement(squares, variances_gradient)
        shares_gradient = shares_gradient + agreement(votes, means_gradient)
        new += [
            shares,
            means_gradient - 2.0 * means * variances_gradient,
            2.0 * variances_gradient,
        ]
        mass_gradient = cost_gradient * use - ops.sum(shares_gradient * shares, axis=-1) / mass
        weights_gradient = shares_gradient / ops.expand_dims(mass, -1)
        weights_gradient = weights_gradient + ops.expand_dims(mass_gradient, -1)
        activations_gradient += ops.sum(weights_gradient * coupling, axis=0)
        outputs = (
            ops.sum(use_gradient, axis=-1),
            inverse_temperature * ops.sum(logits_gradient, axis=-1),
        )
        if first:
            part, *others = arrays
            every = (*others, *new)
            votes_gradient = _sum_of_products(votes, every[::3], every[1::3], every[2::3])
            collected, gradient = source.collect(collected, part, votes_gradient)
            return (activations_gradient, *collected), (gradient, *outputs)
        log_gradient = (weights_gradient * activations + coupling_gradient) * coupling
        (new_total,) = collected
        new_total += ops.sum(log_gradient, axis=0)
        made = (votes,) if last else ()
        return (activations_gradient, new_total), (*made, log_gradient, *outputs, *new)


def squared_distances(votes, means):
    """Squares of the distances of votes from the means of their parents."""
    distances = votes - ops.expand_dims(means, -2)
    # In place where a backend would take new memory and nothing is recorded.
    return distances.square_() if _in_place() else ops.square(distances)


def _sum_of_products(votes, factors, shifts, scales):
    """Sums outer products `factor * (shift + votes * scale)`, of the votes' shape."""
    if keras.backend.backend() == "jax":
        # Fused into one pass.
        return sum(
            ops.expand_dims(factor, -1)
            * (ops.expand_dims(shift, -2) + ops.expand_dims(scale, -2) * votes)
            for factor, shift, scale in zip(factors, shifts, scales, strict=True)
        )
    factors = ops.swapaxes(ops.stack(factors, axis=-2), -2, -1)
    products = ops.matmul(factors, ops.stack(scales, axis=-2))
    shifted = ops.matmul(factors, ops.stack(shifts, axis=-2))
    if _in_place():
        return products.mul_(votes).add_(shifted)
    return products * votes + shifted


def _in_place():
    return keras.backend.backend() == "torch" and not records()
