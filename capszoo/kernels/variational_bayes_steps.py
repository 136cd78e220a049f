"""What variational Bayes routing makes of the mass and the variances of its parents."""

import dataclasses
import math
from typing import ClassVar

import keras
from keras import ops

from capszoo.kernels.mixture_vjp import MixtureSteps
from capszoo.ops import digamma
from capszoo.ops import trigamma


@dataclasses.dataclass(frozen=True, kw_only=True)
class VariationalBayesSteps(MixtureSteps):
    """The steps of variational Bayes routing up to the posterior, without parameters.

    Here a variance is the scale of the equations over the mass.
    """

    prior_mass: ClassVar[float] = 1.0
    competes_at_first: ClassVar[bool] = False

    def floor(self, mass, means):
        return (1.0 + ops.square(means)) / ops.expand_dims(mass, -1)

    def floor_vjp(self, mass, means, variances_gradient):
        inverse = 1.0 / mass
        of_means = 2.0 * means * variances_gradient * ops.expand_dims(inverse, -1)
        total = ops.sum(variances_gradient * (1.0 + ops.square(means)), axis=-1)
        return -ops.square(inverse) * total, of_means

    def densities(self, iteration, mass, variances):
        pose_dim = variances.shape[-1]
        digammas = ops.sum(digamma(_halves(mass, pose_dim)) - ops.log(variances), axis=-1)
        of_mass = pose_dim * (ops.log(mass) + 1.0 / mass + math.log(math.pi))
        precisions = ops.expand_dims(1.0 + pose_dim / mass, -1) / variances
        return digamma(mass) + 0.5 * (digammas - of_mass), precisions

    def densities_vjp(self, iteration, mass, variances, parameters, density, precisions):
        pose_dim, inverse = variances.shape[-1], 1.0 / mass
        inverses = 1.0 / variances
        factor = ops.expand_dims(1.0 + pose_dim * inverse, -1)
        density_gradient = ops.expand_dims(density, -1)
        variances_gradient = -inverses * (0.5 * density_gradient + factor * inverses * precisions)
        slope = trigamma(mass) + 0.25 * ops.sum(trigamma(_halves(mass, pose_dim)), axis=-1)
        slope = slope - 0.5 * pose_dim * inverse * (1.0 - inverse)
        of_precisions = pose_dim * ops.square(inverse) * ops.sum(precisions * inverses, axis=-1)
        return variances_gradient, density * slope - of_precisions, ()

    def between_positions(self, log_coupling, mass):
        total = ops.sum(mass, axis=0)
        return log_coupling - ops.expand_dims(digamma(total), -1)

    def between_positions_vjp(self, mass, densities):
        own, total, following = densities
        of_position = ops.sum(own - total * ops.sum(following, axis=0), axis=-1)
        return -of_position * trigamma(ops.sum(mass, axis=0))

    def result(self, residuals):
        coupling, mass, means, variances = residuals[-1]
        outputs = [means, variances, ops.expand_dims(mass, -1)]
        if self.return_coupling:
            outputs.append(coupling)
        return ops.concatenate(outputs, axis=-1)

    def result_vjp(self, mass, means, variances, parameters, upstream):
        size = means.shape[-1]
        coupling_gradient = upstream[..., 2 * size + 1 :] if self.return_coupling else 0.0
        of_means, of_variances = upstream[..., :size], upstream[..., size : 2 * size]
        return of_means, of_variances, upstream[..., 2 * size], coupling_gradient, ()

    def outputs(self, result, pose_dim):
        mass = result[..., 2 * pose_dim]
        scales = result[..., pose_dim : 2 * pose_dim] * ops.expand_dims(mass, -1)
        outputs = (result[..., :pose_dim], scales, mass)
        return (*outputs, result[..., 2 * pose_dim + 1 :]) if self.return_coupling else outputs


def _halves(mass, pose_dim):
    """`(freedom - d) / 2` for all `d` below the size of a pose."""
    one_up = ops.arange(1, pose_dim + 1, dtype=keras.backend.standardize_dtype(mass.dtype))
    return 0.5 * (ops.expand_dims(mass, -1) + one_up)
