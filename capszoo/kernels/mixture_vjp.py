"""Routing by mixtures of Gaussians, and its gradient, in few passes over the votes."""

import dataclasses
import functools
from typing import Any
from typing import ClassVar
from typing import NamedTuple

import keras
from keras import ops

from capszoo.kernels.tiles import scan_chunks
from capszoo.kernels.vjp import records
from capszoo.ops import Windows
from capszoo.ops import agreement
from capszoo.ops import log_normalize
from capszoo.ops import mass_and_shares
from capszoo.ops import sum_children
from capszoo.ops.mixtures import MASS_EPSILON


class Residuals(NamedTuple):
    """What an iteration leaves to its gradient, as large as the coupling or the parents."""

    coupling: Any
    mass: Any
    means: Any
    variances: Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class MixtureSteps:
    """A routing by mixtures of Gaussians, and its gradient, without a tensor for each step of it.

    Automatic differentiation keeps or writes a tensor of the size of the votes at each of a
    dozen steps. Here all that is kept is as large as the coupling or as the parents, and the
    gradient of the votes is a sum of few outer products: with `r` the shares `r[i, j] /
    mass[j]`, `dx` for the gradient of `x` and `q` the squared distances `(v - mean)**2`,

        dv   = sum over iterations of  r dmean + 2 (v - mean) (r dvar + ddistance precision / 2)
        dr   = v . dmean + q . dvar
        dprecision = sum over children of ddistance q / 2

    where all that is left out is of the parents' size.

    Nothing but the normalization of the coupling sees more than one parent. So votes are taken
    for few parents at a time, all that is done with them while they are in the caches.

    Here the parents come first and all axes before them are one, of rows: a coupling is
    `(parents, rows, children)`. Algorithms differ in what they make of a parent's mass, mean and
    variance: a subclass says so, in tensors of the parents' size, by `floor`, `densities`,
    `result`, `outputs` and their gradients.

    Attributes:
        iterations: How many times the parents are computed.
        windows: As in `EMRouting`. Defaults to `None`.
        return_coupling: Whether the last coupling is a result too. Defaults to `False`.
    """

    # What a parent's mass is without children, and whether all parents that see a child share it
    # from the first iteration on, or at first those of a position alone.
    prior_mass: ClassVar[float] = MASS_EPSILON
    competes_at_first: ClassVar[bool] = True

    iterations: int
    windows: Windows | None = None
    return_coupling: bool = False

    def floor(self, mass, means):
        """What is added to the variances."""
        raise NotImplementedError

    def floor_vjp(self, mass, means, variances_gradient):
        """The gradients that it gives mass and means."""
        return 0.0, 0.0

    def densities(self, iteration, mass, variances, *parameters):
        """The logarithm of what a child at the mean is worth to a parent, and the precisions."""
        raise NotImplementedError

    def densities_vjp(self, iteration, mass, variances, parameters, density, precisions):
        """The gradients of variances, mass and, a tuple, parameters from those of `densities`."""
        raise NotImplementedError

    def between_positions(self, log_coupling, mass):
        """What of the logarithms is alike for all parents of a position, where that counts."""
        return log_coupling

    def between_positions_vjp(self, mass, densities):
        """The gradient that it gives each mass, of that of all logarithms of a position."""
        return 0.0

    def result(self, residuals, *parameters):
        """Joins what the last iteration gives: Keras gives gradients to single results."""
        raise NotImplementedError

    def result_vjp(self, mass, means, variances, parameters, upstream):
        """The gradients of means, variances, mass, coupling and, a tuple, parameters."""
        raise NotImplementedError

    def outputs(self, result, pose_dim):
        """Takes apart what `result` has joined."""
        raise NotImplementedError

    def forward(self, source, activations, *parameters):
        """Returns what each iteration leaves to the gradient.

        Args:
            source: `capszoo.kernels.mixture_votes.VotesSource`.
            activations: Tensor of shape `(rows, children)`.
            *parameters: Tensors of shape `(parents,)`.

        Returns:
            List of `Residuals`.
        """
        shape = (source.parents, ops.shape(activations)[0], activations.shape[1])
        log_coupling = log_normalize(
            ops.zeros(shape, dtype=activations.dtype),
            self.windows if self.competes_at_first else None,
            axis=0,
        )
        votes = source.array
        residuals = []
        for iteration in range(self.iterations):
            step = functools.partial(self._iterate, iteration, source.make, activations)
            arrays = (votes, log_coupling, *parameters)
            _, outputs = scan_chunks(step, (), arrays, source.chunks)
            if iteration == 0 and self.iterations > 1:
                votes, *outputs = outputs
            if iteration < self.iterations - 1:
                *outputs, log_coupling = outputs
                if self.windows is not None:
                    log_coupling = self.between_positions(log_coupling, outputs[1])
                log_coupling = log_normalize(log_coupling, self.windows, axis=0)
            residuals.append(Residuals(*outputs))
        return residuals

    def _iterate(self, iteration, make, activations, carry, votes, log_coupling, *parameters):
        """Does one iteration for some parents."""
        made = ()
        if iteration == 0:
            votes = make(votes)
            made = (votes,) if self.iterations > 1 else ()
        coupling = ops.exp(log_coupling)
        mass, shares = mass_and_shares(coupling, activations, self.prior_mass)
        means = sum_children(shares, votes)
        squares = squared_distances(votes, means)
        variances = sum_children(shares, squares) + self.floor(mass, means)
        outputs = (*made, coupling, mass, means, variances)
        if iteration == self.iterations - 1:
            return carry, outputs
        at_mean, precisions = self.densities(iteration, mass, variances, *parameters)
        log_densities = ops.expand_dims(at_mean, -1) - agreement(squares, 0.5 * precisions)
        return carry, (*outputs, log_densities)

    def backward(self, source, activations, parameters, residuals, upstream):
        """Returns the gradients.

        Args:
            source: `capszoo.kernels.mixture_votes.VotesSource`.
            activations: Tensor of shape `(rows, children)`.
            parameters: Tuple of tensors of shape `(parents,)`.
            residuals: What `forward` has returned.
            upstream: Tensor of shape `(parents, rows, ...)`, the gradient of the result.

        Returns:
            What the source has collected, the gradient of its array, of the activations and of
            each of the parameters.
        """
        votes, given, total, of_position = source.array, upstream, None, 0.0
        activations_gradient = ops.zeros_like(activations)
        parameters_gradients, factors = [], []
        for iteration in reversed(range(self.iterations)):
            last, first = iteration == self.iterations - 1, iteration == 0
            arrays = [votes, given, *residuals[iteration], *parameters]
            if not last:
                following = residuals[iteration + 1].coupling
                arrays.append(following)
                if self.windows is not None:
                    own, total = total, self.windows.sum_per_child(total)
                    of_position = self.between_positions_vjp(
                        residuals[iteration].mass, (own, total, following)
                    )
            if first:
                arrays += [source.array, *factors]
            of_all = (source, activations, total, of_position, len(parameters))
            step = functools.partial(self._iterate_vjp, iteration, *of_all)
            collected = source.start() if first else (ops.zeros_like(activations),)
            carry = (activations_gradient, *collected)
            carry, outputs = scan_chunks(step, carry, tuple(arrays), source.chunks)
            activations_gradient, *collected = carry
            if not first:
                (total,) = collected
            if last and not first:
                votes, *outputs = outputs
            given, *outputs = outputs
            parameters_gradients.append(outputs[: len(parameters)])
            factors += outputs[len(parameters) :]
        sums = tuple(sum(one) for one in zip(*parameters_gradients, strict=True))
        return collected, given, activations_gradient, *sums

    def _iterate_vjp(
        self, iteration, source, activations, total, of_position, number, carry, *arrays
    ):
        """Does what `backward` does of one iteration for some parents."""
        last, first = iteration == self.iterations - 1, iteration == 0
        activations_gradient, *collected = carry
        votes, given, coupling, mass, means, variances, *arrays = arrays
        parameters, arrays = arrays[:number], arrays[number:]
        if last:
            votes = source.make(votes)
        _, shares = mass_and_shares(coupling, activations, self.prior_mass)
        squares = squared_distances(votes, means)
        new = []
        if last:
            means_gradient, variances_gradient, mass_gradient, coupling_gradient, own = (
                self.result_vjp(mass, means, variances, parameters, given)
            )
        else:
            # Of the E-step: distances are subtracted, so these are minus their gradients.
            following, *arrays = arrays
            densities = given - following * total
            density = ops.sum(densities, axis=-1)
            _, precisions = self.densities(iteration, mass, variances, *parameters)
            means_gradient = precisions * (
                sum_children(densities, votes) - means * ops.expand_dims(density, -1)
            )
            variances_gradient, mass_gradient, own = self.densities_vjp(
                iteration,
                mass,
                variances,
                parameters,
                density,
                -0.5 * sum_children(densities, squares),
            )
            mass_gradient = mass_gradient + of_position
            new += [densities, means * precisions, -precisions]
            coupling_gradient = 0.0

        # Of the M-step. The shares sum up to less than 1, by the share of the prior.
        missing = ops.expand_dims(self.prior_mass / mass, -1)
        means_gradient = means_gradient - 2.0 * variances_gradient * means * missing
        of_mass, of_means = self.floor_vjp(mass, means, variances_gradient)
        means_gradient, mass_gradient = means_gradient + of_means, mass_gradient + of_mass
        shares_gradient = agreement(squares, variances_gradient)
        shares_gradient = shares_gradient + agreement(votes, means_gradient)
        new += [
            shares,
            means_gradient - 2.0 * means * variances_gradient,
            2.0 * variances_gradient,
        ]
        mass_gradient = mass_gradient - ops.sum(shares_gradient * shares, axis=-1) / mass
        weights_gradient = shares_gradient / ops.expand_dims(mass, -1)
        weights_gradient = weights_gradient + ops.expand_dims(mass_gradient, -1)
        activations_gradient += ops.sum(weights_gradient * coupling, axis=0)
        if first:
            part, *others = arrays
            every = (*others, *new)
            votes_gradient = _sum_of_products(votes, every[::3], every[1::3], every[2::3])
            collected, gradient = source.collect(collected, part, votes_gradient)
            return (activations_gradient, *collected), (gradient, *own)
        log_gradient = (weights_gradient * activations + coupling_gradient) * coupling
        (new_total,) = collected
        new_total += ops.sum(log_gradient, axis=0)
        made = (votes,) if last else ()
        return (activations_gradient, new_total), (*made, log_gradient, *own, *new)


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
