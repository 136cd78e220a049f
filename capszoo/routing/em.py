"""EM routing: parents are Gaussian clusters of votes, with explicit activations."""

import math

import keras
from keras import ops

from capszoo import kernels
from capszoo.ops import agreement
from capszoo.ops import log_normalize
from capszoo.ops import log_sigmoid
from capszoo.ops import mass_and_shares
from capszoo.ops import present
from capszoo.ops import sum_children
from capszoo.ops import widen
from capszoo.ops.mixtures import LEAST_VARIANCE
from capszoo.routing.base import IterativeRouting
from capszoo.routing.registry import register
from capszoo.validation import check_choice
from capszoo.validation import check_number


@register("em")
@keras.saving.register_keras_serializable(package="capszoo")
class EMRouting(IterativeRouting):
    """Routes by expectation maximization: a parent is a Gaussian that claims votes.

    With `v[i, j]` the vote of child `i` for parent `j`, `a[i]` the child's activation and `r`
    uniform at first, each iteration is an M-step

        r[i, j]  = r[i, j] * a[i],   mass[j] = sum_i r[i, j]
        mean[j]  = sum_i r[i, j] v[i, j] / mass[j]
        var[j]   = sum_i r[i, j] (v[i, j] - mean[j])**2 / mass[j] + variance_floor
        cost[j]  = sum over the pose of (beta_use[j] + ln(var[j]) / 2) * information[j]
        a[j]     = sigmoid(lambda * (beta_activation[j] - cost[j]))

    and, but for the last iteration, an E-step in log space

        r[i, :]  = softmax(ln a[j] + ln Normal(v[i, j]; mean[j], var[j]))

    over all parents that see the child: in a convolutional layer also those at other positions.
    `lambda = inverse_temperature * (1 - 0.95**(iteration + 1))`.

    In the form `"normalized"` the information is `100 * mass[j]` over the children there are
    per parent, so that lambda and the betas mean the same for 9 children and for 800. In the
    form `"paper"` it is `mass[j]` itself. Time `O(B I J D)` per iteration; nothing larger than
    the votes is made.

    Args:
        iterations: How many times the parents are computed. Defaults to `2`, which open
            reproductions found better than the paper's 3.
        inverse_temperature: Final value that lambda tends to. Defaults to `0.01`.
        form: `"normalized"` or `"paper"`. Defaults to `"normalized"`.
        variance_floor: Added to every variance; what keeps a parent with one vote finite. Less
            than `1e-10` counts as that. Defaults to `5e-4`.
        beta_use_initializer: Initializer of the cost of using a parent. Defaults to `"zeros"`.
        beta_activation_initializer: Initializer of the threshold of activation; `None` stands
            for a truncated normal distribution of mean -1000 and standard deviation 500 in the
            form `"normalized"`, and for zeros in the form `"paper"`. Defaults to `None`.
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

    Input shape:
        `(batch, *spatial, parents, children, pose_dim)`.

    Output shape:
        Poses `(batch, *spatial, parents, pose_dim)` and activations
        `(batch, *spatial, parents)`; with `return_coupling=True` also the coupling
        `(batch, *spatial, parents, children)`.

    Raises:
        ValueError: If an argument is out of range or no activations are given.

    Example:

    >>> votes = np.random.normal(size=(2, 10, 32, 16)).astype("float32")
    >>> presence = np.ones((2, 32), "float32")
    >>> poses, activations = capszoo.routing.EMRouting()(votes, presence)
    >>> tuple(poses.shape), tuple(activations.shape)
    ((2, 10, 16), (2, 10))

    Reference:

    - [Hinton, Sabour, Frosst, 2018](https://openreview.net/forum?id=HJWLfGWRb)
    - Normalized information: [Gritzman, 2019](https://arxiv.org/abs/1907.00652)
    """

    explicit_activations = True
    # Of larger ones the rounding is more than the deviation of the least variance, and products of
    # gradients and squares may overflow.
    largest_pose = 1e6
    competes_across_positions = True

    def __init__(
        self,
        iterations=2,
        inverse_temperature=0.01,
        form="normalized",
        variance_floor=5e-4,
        beta_use_initializer="zeros",
        beta_activation_initializer=None,
        **kwargs,
    ):
        check_number("inverse_temperature", inverse_temperature, 0)
        check_choice("form", form, ("normalized", "paper"))
        check_number("variance_floor", variance_floor, 0)
        super().__init__(iterations=iterations, **kwargs)
        self.inverse_temperature = inverse_temperature
        self.form = form
        self.variance_floor = variance_floor
        self.beta_use_initializer = keras.initializers.get(beta_use_initializer)
        if beta_activation_initializer is None:
            beta_activation_initializer = (
                keras.initializers.TruncatedNormal(mean=-1000.0, stddev=500.0)
                if form == "normalized"
                else "zeros"
            )
        self.beta_activation_initializer = keras.initializers.get(beta_activation_initializer)

    def build(self, votes_shape):
        parents = votes_shape[-3]
        self.beta_use = self.add_weight(
            shape=(parents,), initializer=self.beta_use_initializer, name="beta_use"
        )
        self.beta_activation = self.add_weight(
            shape=(parents,), initializer=self.beta_activation_initializer, name="beta_activation"
        )

    def call(self, votes, activations=None, mask=None, return_coupling=False, windows=None):
        if activations is None:
            raise ValueError(
                "EMRouting needs the children's activations, of shape (batch, *spatial, "
                "children). Received: activations=None"
            )
        dtype = votes.dtype
        votes, present_children = present(mask, widen(votes))
        presence = ops.expand_dims(ops.cast(activations, "float32"), -2)
        information_scale = self._information_scale(votes.shape, windows)
        if present_children is not None:
            presence = ops.where(present_children > 0, presence, 0.0)
            if self.form == "normalized":
                # Of the children there are, not of the places for some.
                counted = ops.maximum(ops.sum(present_children, axis=-1), 1.0)
                information_scale = information_scale * votes.shape[-2] / counted

        # Uniform over all the parents that see a child.
        log_coupling = log_normalize(ops.zeros_like(votes[..., 0]), windows)
        for iteration, inverse_temperature in enumerate(self._inverse_temperatures()):
            coupling = ops.exp(log_coupling)
            mass, shares = mass_and_shares(coupling, presence)
            means = sum_children(shares, votes)
            squares = ops.square(votes - ops.expand_dims(means, -2))
            variances = sum_children(shares, squares) + self._variance_floor()

            log_variances = ops.log(variances)
            information = mass * information_scale
            use = ops.cast(self.beta_use, "float32")
            cost = ops.sum(ops.expand_dims(use, -1) + 0.5 * log_variances, axis=-1) * information
            threshold = ops.cast(self.beta_activation, "float32")
            logits = inverse_temperature * (threshold - cost)

            if iteration < self.iterations - 1:
                # squares . 1 / (2 var), a product per parent: no second tensor of their size
                log_densities = -agreement(squares, 0.5 / variances) - ops.expand_dims(
                    0.5 * ops.sum(log_variances + math.log(2 * math.pi), axis=-1), -1
                )
                log_coupling = log_normalize(
                    ops.expand_dims(log_sigmoid(logits), -1) + log_densities, windows
                )

        if present_children is not None:
            coupling = coupling * present_children
        outputs = (ops.cast(means, dtype), ops.cast(ops.sigmoid(logits), dtype))
        return (*outputs, ops.cast(coupling, dtype)) if return_coupling else outputs

    def select_kernel(self, votes, activations=None, windows=None, **arguments):
        return kernels.em.select(
            votes,
            activations,
            beta_use=ops.convert_to_tensor(self.beta_use),
            beta_activation=ops.convert_to_tensor(self.beta_activation),
            inverse_temperatures=self._inverse_temperatures(),
            information_scale=self._information_scale(votes.shape, windows),
            variance_floor=self._variance_floor(),
            windows=windows,
            **arguments,
        )

    def _variance_floor(self):
        return max(self.variance_floor, LEAST_VARIANCE)

    def _inverse_temperatures(self):
        return [
            self.inverse_temperature * (1.0 - 0.95 ** (iteration + 1))
            for iteration in range(self.iterations)
        ]

    def _information_scale(self, votes_shape, windows):
        if self.form == "paper":
            return 1.0
        return 100.0 / self._children_per_parent(votes_shape, windows)

    def _children_per_parent(self, votes_shape, windows):
        parents, children = votes_shape[-3:-1]
        if windows is None:
            return children / parents
        types = children // windows.positions_per_window
        return windows.children_seen * types / (windows.number * parents)

    def get_config(self):
        return {
            **super().get_config(),
            "inverse_temperature": self.inverse_temperature,
            "form": self.form,
            "variance_floor": self.variance_floor,
            "beta_use_initializer": keras.initializers.serialize(self.beta_use_initializer),
            "beta_activation_initializer": keras.initializers.serialize(
                self.beta_activation_initializer
            ),
        }
