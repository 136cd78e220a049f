"""What EM routing makes of the mass and the variances of its parents."""

import dataclasses
import math

from keras import ops

from capszoo.kernels.mixture_vjp import MixtureSteps
from capszoo.ops import log_sigmoid


@dataclasses.dataclass(frozen=True, kw_only=True)
class EMSteps(MixtureSteps):
    """The steps of EM routing, with the two betas as parameters.

    Attributes:
        inverse_temperatures: Lambda of each iteration, numbers.
        information_scale: What a mass is multiplied by to give information, a number.
        variance_floor: Added to every variance.
    """

    inverse_temperatures: list
    information_scale: float
    variance_floor: float

    def floor(self, mass, means):
        return self.variance_floor

    def densities(self, iteration, mass, variances, beta_use, beta_activation):
        _, logits = self._use_and_logits(iteration, mass, variances, beta_use, beta_activation)
        scale = 0.5 * ops.sum(ops.log(variances) + math.log(2 * math.pi), axis=-1)
        return log_sigmoid(logits) - scale, 1.0 / variances

    def densities_vjp(self, iteration, mass, variances, parameters, density, precisions):
        use, logits = self._use_and_logits(iteration, mass, variances, *parameters)
        logits_gradient = density * ops.sigmoid(-logits)
        gradient, *others = self._logits_vjp(iteration, mass, variances, use, logits_gradient)
        inverse = 1.0 / variances
        own = inverse * (inverse * precisions + 0.5 * ops.expand_dims(density, -1))
        return gradient - own, *others

    def result(self, residuals, *parameters):
        coupling, mass, means, variances = residuals[-1]
        _, logits = self._use_and_logits(self.iterations - 1, mass, variances, *parameters)
        outputs = [means, ops.expand_dims(ops.sigmoid(logits), -1)]
        if self.return_coupling:
            outputs.append(coupling)
        return ops.concatenate(outputs, axis=-1)

    def result_vjp(self, mass, means, variances, parameters, upstream):
        pose_dim, last = means.shape[-1], self.iterations - 1
        use, logits = self._use_and_logits(last, mass, variances, *parameters)
        active = ops.sigmoid(logits)
        logits_gradient = upstream[..., pose_dim] * active * (1.0 - active)
        variances_gradient, mass_gradient, own = self._logits_vjp(
            last, mass, variances, use, logits_gradient
        )
        coupling_gradient = upstream[..., pose_dim + 1 :] if self.return_coupling else 0.0
        means_gradient = upstream[..., :pose_dim]
        return means_gradient, variances_gradient, mass_gradient, coupling_gradient, own

    def outputs(self, result, pose_dim):
        outputs = (result[..., :pose_dim], result[..., pose_dim])
        return (*outputs, result[..., pose_dim + 1 :]) if self.return_coupling else outputs

    def _use_and_logits(self, iteration, mass, variances, beta_use, beta_activation):
        """The cost of a parent over its information, and the logits of its activation."""
        beta_use, beta_activation = (
            ops.expand_dims(beta, -1) for beta in (beta_use, beta_activation)
        )
        use = ops.sum(0.5 * ops.log(variances), axis=-1) + variances.shape[-1] * beta_use
        cost = use * self.information_scale * mass
        return use, self.inverse_temperatures[iteration] * (beta_activation - cost)

    def _logits_vjp(self, iteration, mass, variances, use, logits_gradient):
        """The gradients of variances, mass and the two betas from that of the logits."""
        inverse_temperature = self.inverse_temperatures[iteration]
        cost_gradient = -inverse_temperature * self.information_scale * logits_gradient
        use_gradient = cost_gradient * mass
        of_betas = (
            variances.shape[-1] * ops.sum(use_gradient, axis=-1),
            inverse_temperature * ops.sum(logits_gradient, axis=-1),
        )
        variances_gradient = 0.5 * ops.expand_dims(use_gradient, -1) / variances
        return variances_gradient, cost_gradient * use, of_betas
