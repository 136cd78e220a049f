"""What every capsule layer is: votes, and a routing that combines them."""

import keras

from capszoo import routing as routings
from capszoo.validation import check_positive_int


class CapsuleLayer(keras.layers.Layer):
    """A layer of parent capsules: makes votes from child capsules and routes them.

    A subclass implements `add_kernel(input_shape)`, `compute_votes(poses)` and
    `compute_votes_shape(input_shape)`; routing, activations, shapes and config are dealt with
    here.

    Args:
        num_capsules: How many parent capsules there are (at each position).
        pose_dim: Size of a parent's pose vector.
        routing: How votes are combined: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`. Defaults to `"dynamic"`.
        kernel_initializer: Initializer of the transforms; `None` stands for the truncated
            normal distribution with standard deviation 0.1 of the dynamic routing paper's
            code. Defaults to `None`.
        kernel_regularizer: Regularizer of the transforms. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Poses `(batch, *spatial, children, child_dim)`; where the routing has explicit
            activations, the pair of poses and activations `(batch, *spatial, children)`. Poses
            alone are then taken with their length as activation.
        return_coupling: Whether the couplings are returned too. Defaults to `False`.

    Raises:
        ValueError: If a size is not a positive integer, the routing is unknown, the inputs are
            not capsules, or a pair is given to a routing without explicit activations.
    """

    def __init__(
        self,
        num_capsules,
        pose_dim,
        routing="dynamic",
        kernel_initializer=None,
        kernel_regularizer=None,
        **kwargs,
    ):
        num_capsules = check_positive_int("num_capsules", num_capsules)
        pose_dim = check_positive_int("pose_dim", pose_dim)
        super().__init__(**kwargs)
        self.num_capsules = num_capsules
        self.pose_dim = pose_dim
        self.routing = routings.get(routing)
        if kernel_initializer is None:
            kernel_initializer = keras.initializers.TruncatedNormal(stddev=0.1)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape):
        poses_shape = self._check_shape(input_shape)
        if self.routing.built:
            raise ValueError(
                f"The routing given to layer '{self.name}' belongs to another layer already. "
                "Give each layer a routing of its own, by name or config."
            )
        self.add_kernel(poses_shape)
        self.routing.build(self.compute_votes_shape(poses_shape))

    def add_transform(self, shape):
        """Adds the weight that turns poses into votes."""
        self.kernel = self.add_weight(
            shape=shape,
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            name="kernel",
        )

    def call(self, inputs, return_coupling=False):
        poses, activations = self._poses_and_activations(inputs)
        votes = self.compute_votes(poses)
        return self.routing(votes, activations, return_coupling=return_coupling)

    def _poses_and_activations(self, inputs):
        if not isinstance(inputs, (tuple, list)):
            return inputs, None
        raise ValueError(
            f"Layer '{self.name}' was given poses and activations, but its routing "
            f"{type(self.routing).__name__} has no explicit activations. Give it the poses "
            "alone."
        )

    def _check_shape(self, input_shape):
        rank = self.input_rank
        if len(input_shape) < rank or any(size is None for size in input_shape[1:]):
            raise ValueError(
                f"Layer '{self.name}' expects capsules of shape {self.input_layout}, with all "
                f"sizes but the batch known. Received: input shape {tuple(input_shape)}"
            )
        return tuple(input_shape)

    def compute_output_shape(self, input_shape):
        return self.routing.compute_output_shape(
            self.compute_votes_shape(self._check_shape(input_shape))
        )

    def compute_output_spec(self, inputs, return_coupling=False):
        poses, _ = self._poses_and_activations(inputs)
        votes_shape = self.compute_votes_shape(self._check_shape(poses.shape))
        votes = keras.KerasTensor(votes_shape, dtype=self.compute_dtype)
        return self.routing.compute_output_spec(votes, return_coupling=return_coupling)

    def get_config(self):
        return {
            **super().get_config(),
            "num_capsules": self.num_capsules,
            "pose_dim": self.pose_dim,
            "routing": routings.serialize(self.routing),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }
