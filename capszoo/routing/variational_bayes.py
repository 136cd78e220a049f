"""Variational Bayes routing: parents are Gaussian clusters of votes with priors on all of them."""

import functools
import math

import keras
from keras import ops

from capszoo import kernels
from capszoo.ops import agreement
from capszoo.ops import digamma
from capszoo.ops import log_normalize
from capszoo.ops import present
from capszoo.ops import sum_children
from capszoo.ops import widen
from capszoo.routing.base import IterativeRouting
from capszoo.routing.registry import register


@register("variational_bayes")
@keras.saving.register_keras_serializable(package="capszoo")
class VariationalBayesRouting(IterativeRouting):
    """Routes by variational inference: a parent is a Gaussian whose parameters have priors.

    With `v[i, j]` the vote of child `i` for parent `j`, of `D` numbers, `a[i]` the child's
    activation and `r` at first one over the number of parents at a position, each iteration
    updates the posterior of the parents

        mass[j]  = 1 + sum_i r[i, j] a[i]
        mean[j]  = sum_i r[i, j] a[i] v[i, j] / mass[j]
        scale[j] = 1 + mean[j]**2 + sum_i r[i, j] a[i] (v[i, j] - mean[j])**2

    where the priors are a Dirichlet distribution of concentration 1 of how much a parent takes,
    a standard normal distribution of the mean and a Wishart distribution of scale 1 and `D + 1`
    degrees of freedom of the precision, which is diagonal. The mass so is the posterior's
    concentration and the precision of the mean too, and of degrees of freedom there are
    `freedom[j] = D + mass[j]`. But for the last iteration children are then shared out
    anew, with `psi` the digamma function, `E` expected values and all in log space:

        E[ln pi[j]]     = psi(mass[j]) - psi(sum_j mass[j])
        E[ln lambda[j]] = sum over d < D of psi((freedom[j] - d) / 2) + D ln 2 - sum ln scale[j]
        distance[i, j]  = D / mass[j] + freedom[j] sum of (v[i, j] - mean[j])**2 / scale[j]
        r[i, :] = softmax(E[ln pi[j]] + E[ln lambda[j]] / 2 - D ln(2 pi) / 2 - distance[i, j] / 2)

    over all parents that see the child: in a convolutional layer also those at other positions.
    A parent is active where the entropy of its Gaussian, `entropy[j] = D ln(2 pi e) / 2 -
    E[ln lambda[j]] / 2`, is small:

        score[j] = beta_activation[j] - (beta_use[j] + exp(E[ln pi[j]]) entropy[j])
        pose[j]  = normalize(mean[j]),   a[j] = sigmoid(normalize(score[j]))

    `normalize` is a batch normalization without parameters, of all the numbers of a parent over
    the batch and the positions; the betas, which it takes out again, tell where there is none.
    Time `O(B I J D)` per iteration; nothing larger than the votes is made.

    Args:
        iterations: How many times the parents are computed. Defaults to `3`.
        batch_normalization: Whether poses and scores are normalized. Defaults to `True`.
        beta_use_initializer: Initializer of the cost of using a parent. Defaults to `"zeros"`.
        beta_activation_initializer: Initializer of the threshold of activation.
            Defaults to `"zeros"`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        votes: Tensor of shape `(batch, *spatial, parents, children, pose_dim)`.
        activations: Activations of the children, `(batch, *spatial, children)`, from 0 to 1.
        mask: Boolean tensor of shape `(batch, *spatial, children)`, true where there is a child:
            the others give nothing and count for nothing. Defaults to `None`, all are there.
        return_coupling: Whether the last `r`, before the factor `a[i]`, is returned too.
            Defaults to `False`.
        windows: A `capszoo.ops.Windows` that says which child of the map below each of the
            `children` is, where several positions see the same child. Defaults to `None`.
        training: Whether the batch's own statistics normalize, and are learnt. Defaults to
            `None`, as the layer or model around it.

    Input shape:
        `(batch, *spatial, parents, children, pose_dim)`.

    Output shape:
        Poses `(batch, *spatial, parents, pose_dim)` and activations
        `(batch, *spatial, parents)`; with `return_coupling=True` also the coupling
        `(batch, *spatial, parents, children)`.

    Raises:
        ValueError: If `iterations` is not a positive integer or no activations are given.

    Example:

    >>> votes = np.random.normal(size=(2, 10, 32, 16)).astype("float32")
    >>> presence = np.ones((2, 32), "float32")
    >>> poses, activations = capszoo.routing.VariationalBayesRouting()(votes, presence)
    >>> tuple(poses.shape), tuple(activations.shape)
    ((2, 10, 16), (2, 10))

    Reference:

    - [De Sousa Ribeiro et al., 2020](https://arxiv.org/abs/1905.11455)
    """

    explicit_activations = True
    # Of larger ones the rounding is more than the deviation of the least variance, and products of
    # gradients and squares may overflow.
    largest_pose = 1e6
    competes_across_positions = True
    tunable_arguments = ("iterations", "batch_normalization")

    def __init__(
        self,
        iterations=3,
        batch_normalization=True,
        beta_use_initializer="zeros",
        beta_activation_initializer="zeros",
        **kwargs,
    ):
        super().__init__(iterations=iterations, **kwargs)
        self.batch_normalization = batch_normalization
        self.beta_use_initializer = keras.initializers.get(beta_use_initializer)
        self.beta_activation_initializer = keras.initializers.get(beta_activation_initializer)
        self.pose_normalization = self.score_normalization = None
        if batch_normalization:
            # Of each parent, over batch and positions. Statistics are float32 whatever the policy.
            self.pose_normalization, self.score_normalization = (
                keras.layers.BatchNormalization(
                    axis=1,
                    momentum=0.9,
                    epsilon=1e-5,
                    center=False,
                    scale=False,
                    dtype="float32",
                    name=name,
                )
                for name in ("pose_normalization", "score_normalization")
            )

    def build(self, votes_shape):
        parents = votes_shape[-3]
        self.beta_use = self.add_weight(
            shape=(parents,), initializer=self.beta_use_initializer, name="beta_use"
        )
        self.beta_activation = self.add_weight(
            shape=(parents,), initializer=self.beta_activation_initializer, name="beta_activation"
        )
        if self.batch_normalization:
            self.pose_normalization.build((None, parents, votes_shape[-1]))
            self.score_normalization.build((None, parents))

    def call(
        self,
        votes,
        activations=None,
        mask=None,
        return_coupling=False,
        windows=None,
        training=None,
    ):
        posterior = self.posterior(votes, activations, mask, return_coupling, windows)
        return self.capsules(votes.dtype, *posterior, training=training)

    def posterior(self, votes, activations=None, mask=None, return_coupling=False, windows=None):
        """Computes what `call` says up to the scores.

        Args:
            votes: As in `call`.
            activations: As in `call`.
            mask: As in `call`. Defaults to `None`.
            return_coupling: As in `call`. Defaults to `False`.
            windows: As in `call`. Defaults to `None`.

        Returns:
            The means `(batch, *spatial, parents, pose_dim)`, the scales of the same shape, the
            masses `(batch, *spatial, parents)` and, where asked for, the coupling; in float32.
        """
        if activations is None:
            raise ValueError(
                "VariationalBayesRouting needs the children's activations, of shape (batch, "
                "*spatial, children). Received: activations=None"
            )
        votes, present_children = present(mask, widen(votes))
        presence = ops.expand_dims(ops.cast(activations, "float32"), -2)
        if present_children is not None:
            presence = ops.where(present_children > 0, presence, 0.0)

        # Uniform over the parents of a position: the first iteration is without competition.
        log_coupling = log_normalize(ops.zeros_like(votes[..., 0]))
        for iteration in range(self.iterations):
            coupling = ops.exp(log_coupling)
            weights = coupling * presence
            mass = 1.0 + ops.sum(weights, axis=-1)
            means = sum_children(weights, votes) / ops.expand_dims(mass, -1)
            squares = ops.square(votes - ops.expand_dims(means, -2))
            scales = 1.0 + ops.square(means) + sum_children(weights, squares)

            if iteration < self.iterations - 1:
                log_mixing, log_precision = expected_logs(mass, scales)
                pose_dim = votes.shape[-1]
                log_densities = 0.5 * (
                    log_precision - pose_dim * math.log(2 * math.pi) - pose_dim / mass
                )
                # squares . freedom / scale, a product per parent: no second tensor of their size
                freedom = ops.expand_dims(pose_dim + mass, -1)
                log_coupling = log_normalize(
                    ops.expand_dims(log_mixing + log_densities, -1)
                    - agreement(squares, 0.5 * freedom / scales),
                    windows,
                )

        if present_children is not None:
            coupling = coupling * present_children
        outputs = (means, scales, mass)
        return (*outputs, coupling) if return_coupling else outputs

    def capsules(self, dtype, means, scales, mass, *coupling, training=None):
        """Computes the outputs of `call` from those of `posterior`, in a dtype."""
        means, scales, mass = (ops.cast(one, "float32") for one in (means, scales, mass))
        log_mixing, log_precision = expected_logs(mass, scales)
        entropy = 0.5 * (means.shape[-1] * math.log(2 * math.pi * math.e) - log_precision)
        use, threshold = (
            ops.cast(beta, "float32") for beta in (self.beta_use, self.beta_activation)
        )
        scores = threshold - (ops.exp(log_mixing) * entropy + use)
        if self.batch_normalization:
            means = _normalized(self.pose_normalization, means, 2, training)
            scores = _normalized(self.score_normalization, scores, 1, training)
        return tuple(ops.cast(one, dtype) for one in (means, ops.sigmoid(scores), *coupling))

    def route(self, votes, activations=None, training=None, **arguments):
        # Statistics are no part of what a gradient may make anew.
        kernel = self.select_kernel(votes, activations, **arguments)
        if kernel is None:
            function = functools.partial(self.posterior, **arguments)
            tensors = () if activations is None else (activations,)
            kernel = functools.partial(votes.given_to, function, *tensors)
        return self.capsules(votes.dtype, *kernel(), training=training)

    def select_kernel(self, votes, activations=None, **arguments):
        return kernels.variational_bayes.select(
            votes, activations, iterations=self.iterations, **arguments
        )

    def get_config(self):
        return {
            **super().get_config(),
            "batch_normalization": self.batch_normalization,
            "beta_use_initializer": keras.initializers.serialize(self.beta_use_initializer),
            "beta_activation_initializer": keras.initializers.serialize(
                self.beta_activation_initializer
            ),
        }


def _normalized(layer, values, axes, training):
    """Values normalized over batch and positions, of which a layer may have made one axis."""
    flat = ops.reshape(values, (-1, *values.shape[-axes:]))
    return ops.reshape(layer(flat, training=training), (-1, *values.shape[1:]))


def expected_logs(mass, scales):
    """Expected logarithms of a parent's share of the children and of its precision.

    Args:
        mass: Tensor of shape `(..., parents)`.
        scales: Tensor of shape `(..., parents, pose_dim)`.

    Returns:
        `E[ln pi]` and `E[ln lambda]` of `VariationalBayesRouting`, of the shape of the masses.
    """
    pose_dim = scales.shape[-1]
    log_mixing = digamma(mass) - digamma(ops.sum(mass, axis=-1, keepdims=True))
    # freedom - d = mass + 1 ... mass + pose_dim
    halves = 0.5 * (ops.expand_dims(mass, -1) + ops.arange(1, pose_dim + 1, dtype="float32"))
    log_precision = ops.sum(digamma(halves) - ops.log(scales), axis=-1) + pose_dim * math.log(2.0)
    return log_mixing, log_precision
