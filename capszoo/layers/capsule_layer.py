"""What every capsule layer is: votes, and a routing that combines them."""

import math

import keras
from keras import ops

from capszoo import routing as routings
from capszoo.memory import count_activation
from capszoo.ops import LazyVotes
from capszoo.ops import block_diagonal
from capszoo.ops import safe_norm
from capszoo.ops import saturate
from capszoo.validation import check_choice
from capszoo.validation import check_positive_int


class CapsuleLayer(keras.layers.Layer):
    """A layer of parent capsules: makes votes from child capsules and routes them.

    A subclass implements

    - `compute_kernel_shape(input_shape, child_dim)`: the shape of the transforms up to, and
      with, `child_dim`; the axes of votes per child, parents and pose are added here;
    - `compute_geometry(input_shape)`: the `capszoo.ops.Geometry`, who votes for whom;
    - `compute_votes(poses, kernel)`: all the votes the straightforward way, linear in both;
    - `arrange_activations(activations)`: the children's activations as their votes stand;
    - `arrange_poses(poses)`: their poses as their votes stand, `(batch, *positions, children,
      places * child_dim)`.

    Args:
        num_capsules: How many parent capsules there are (at each position).
        pose_dim: Size of a parent's pose vector.
        routing: How votes are combined: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`. Defaults to `"dynamic"`.
        transform: `"full"` for a matrix from the whole pose to the whole pose, or `"matrix"`
            for poses that are square matrices, multiplied by a square matrix: far fewer
            parameters. `None` for no transform: a child's pose is its vote for every parent, of
            use where the coupling is not made of votes. Defaults to `"full"`.
        vote_bias: What is added to the votes: `None`, `"parents"` for one trainable vector per
            parent or `"votes"` for one per vote. Defaults to `None`.
        kernel_initializer: Initializer of the transforms; `None` stands for the truncated
            normal distribution with standard deviation 0.1 of the dynamic routing paper's
            code. Defaults to `None`.
        bias_initializer: Initializer of the vote bias. Defaults to `"zeros"`.
        kernel_regularizer: Regularizer of the transforms. Defaults to `None`.
        recompute: Whether the gradient makes votes and routing anew instead of keeping what
            they computed: less memory, more time. Where each child has a transform of its own,
            the routings `dynamic`, `em` and `variational_bayes` make votes anew in any case,
            `cluster` makes them, and nothing else, anew, and `self_routing` makes none where they
            are many. Defaults to `False`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Poses `(batch, *spatial, children, child_dim)`; where the routing has explicit
            activations, the pair of poses and activations `(batch, *spatial, children)`. Poses
            alone are then taken with their length as activation.
        mask: Boolean tensor `(batch, *spatial, children)`, true where there is a child; the others
            give nothing and count for nothing. Masks of layers before, as of
            `keras.layers.Masking`, come by themselves. Defaults to `None`, all are there.
        return_coupling: Whether the couplings are returned too. Defaults to `False`.
        training: Whether the layer is in training, which the routing is told. Defaults to `None`,
            as the model around it.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, the inputs are not
            capsules, a pose not square where it must be, or a pair is given to a routing
            without explicit activations.
    """

    # How many axes the inputs have; `None` for three or more.
    input_rank: int | None = None
    # Whether it may be unknown how many there are on the first axis after the batch.
    any_number = False
    # Whether children may be missing.
    takes_mask = True
    input_layout = "(batch, *spatial, children, child_dim)"

    def __init__(
        self,
        num_capsules,
        pose_dim,
        routing="dynamic",
        transform="full",
        vote_bias=None,
        kernel_initializer=None,
        bias_initializer="zeros",
        kernel_regularizer=None,
        recompute=False,
        **kwargs,
    ):
        num_capsules = check_positive_int("num_capsules", num_capsules)
        pose_dim = check_positive_int("pose_dim", pose_dim)
        if transform is not None:
            check_choice("transform", transform, ("full", "matrix"))
        if vote_bias is not None:
            check_choice("vote_bias", vote_bias, ("parents", "votes"))
        if transform == "matrix":
            check_square("pose_dim", pose_dim)
        super().__init__(**kwargs)
        self.num_capsules = num_capsules
        self.pose_dim = pose_dim
        self.routing = routings.get(routing, dtype=self.dtype_policy)
        self.transform = transform
        self.vote_bias = vote_bias
        if kernel_initializer is None:
            kernel_initializer = keras.initializers.TruncatedNormal(stddev=0.1)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.recompute = recompute
        self.supports_masking = True

    def build(self, input_shape):
        poses_shape = self._poses_shape(input_shape)
        votes_shape = self.compute_votes_shape(poses_shape)
        count_activation(f"the votes of {self.name}", votes_shape)
        if self.routing.built:
            raise ValueError(
                f"The routing given to layer '{self.name}' belongs to another layer already. "
                "Give each layer a routing of its own, by name or config."
            )
        child_dim, pose_dim = poses_shape[-1], self.pose_dim
        if self.transform == "matrix":
            child_dim, pose_dim = check_square("child_dim", child_dim), math.isqrt(pose_dim)
            if child_dim != pose_dim:
                raise ValueError(
                    f"Layer '{self.name}' multiplies square matrices, so children and parents "
                    f"must have poses of one size. Received: child_dim={poses_shape[-1]}, "
                    f"pose_dim={self.pose_dim}"
                )
        if self.transform is None:
            if child_dim != pose_dim:
                raise ValueError(
                    f"Layer '{self.name}' transforms no poses, so children and parents must have "
                    f"poses of one size. Received: child_dim={child_dim}, pose_dim={pose_dim}"
                )
            self.kernel = None
        else:
            self.kernel = self.add_weight(
                shape=self._transforms_shape(poses_shape, child_dim, pose_dim),
                initializer=self.kernel_initializer,
                regularizer=self.kernel_regularizer,
                name="kernel",
            )
        self.bias = None
        if self.vote_bias is not None:
            parents, children, pose_dim = votes_shape[-3:]
            per_vote = children if self.vote_bias == "votes" else 1
            self.bias = self.add_weight(
                shape=(parents, per_vote, pose_dim), initializer=self.bias_initializer, name="bias"
            )
        shapes = (votes_shape,)
        if self.routing.needs_poses:
            geometry = self.compute_geometry(poses_shape)
            pose = geometry.places * poses_shape[-1]
            shapes += ((*votes_shape[:-3], geometry.children, pose),)
        self.routing.build(*shapes)

    def _transforms_shape(self, poses_shape, child_dim, pose_dim):
        before = self.compute_kernel_shape(poses_shape, child_dim)
        return (*before, self.routing.votes_per_child, self.num_capsules, pose_dim)

    def call(self, inputs, mask=None, return_coupling=False, training=None):
        poses, activations = self._poses_and_activations(inputs)
        poses = saturate(poses, self.routing.largest_pose)
        mask = self._mask_of(poses, mask)
        if mask is not None:
            # A missing child may hold anything, NaN too.
            poses = ops.where(ops.expand_dims(mask, -1), poses, ops.zeros_like(poses))
            mask = self.arrange_activations(mask)
        if activations is not None:
            activations = self.arrange_activations(activations)
        arguments = self.routing_arguments()
        if self.routing.needs_poses:
            arguments["poses"] = self.arrange_poses(poses)
        return self.routing.route(
            self.lazy_votes(poses),
            activations,
            training=training,
            mask=mask,
            return_coupling=return_coupling,
            **arguments,
        )

    def lazy_votes(self, poses):
        """What the votes of children are made of, a `capszoo.ops.LazyVotes`."""
        if self.transform is None:
            identity = ops.eye(self.pose_dim, dtype=poses.dtype)
            identity = ops.reshape(identity, (self.pose_dim, 1, 1, self.pose_dim))
            shape = self._transforms_shape(poses.shape, self.pose_dim, self.pose_dim)
            kernel = ops.broadcast_to(identity, shape)
        else:
            kernel = ops.convert_to_tensor(self.kernel)
        if self.transform == "matrix":
            # A product with a square matrix transforms each row of a pose alike.
            kernel = block_diagonal(kernel)
        return LazyVotes(
            poses,
            kernel,
            self.compute_geometry(poses.shape),
            make=self.compute_votes,
            offset=self.vote_offset(),
            recompute=self.recompute,
        )

    def compute_votes_shape(self, input_shape):
        geometry = self.compute_geometry(input_shape)
        children = geometry.children and geometry.children * self.routing.votes_per_child
        return (input_shape[0], *geometry.positions, self.num_capsules, children, self.pose_dim)

    def vote_offset(self):
        """What is added to the votes, as it broadcasts to them; `None` for nothing."""
        return None if self.bias is None else ops.convert_to_tensor(self.bias)

    def routing_arguments(self):
        """What else the routing's `call` is to be told; nothing by itself."""
        return {}

    def _mask_of(self, poses, mask):
        """The mask of the poses: of a pair Keras hands over one for each part, or `None`."""
        mask = next((one for one in keras.tree.flatten(mask) if one is not None), None)
        if mask is None:
            return None
        if not self.takes_mask:
            raise ValueError(
                f"Layer '{self.name}' cannot leave out missing children: its parents see windows "
                "of a map. Received: a mask"
            )
        if tuple(mask.shape[1:]) != tuple(poses.shape[1:-1]):
            raise ValueError(
                f"Layer '{self.name}' expects a mask with one boolean for each child, of shape "
                f"(batch, {', '.join(map(str, poses.shape[1:-1]))}). "
                f"Received: a mask of shape {tuple(mask.shape)}"
            )
        return ops.cast(mask, "bool")

    def compute_mask(self, inputs, previous_mask=None):
        return None  # parents are all there

    def _poses_and_activations(self, inputs):
        if isinstance(inputs, (tuple, list)):
            if self.routing.explicit_activations:
                return inputs
            raise ValueError(
                f"Layer '{self.name}' was given poses and activations, but its routing "
                f"{type(self.routing).__name__} has no explicit activations. Put a "
                "capszoo.layers.ActivationToLength between, or give it the poses alone."
            )
        if self.routing.explicit_activations or self.routing.needs_lengths:
            return inputs, safe_norm(inputs)
        return inputs, None

    def _poses_shape(self, input_shape):
        if isinstance(input_shape[0], (tuple, list)):
            input_shape = input_shape[0]
        axes = len(input_shape)
        fits = axes >= 3 if self.input_rank is None else axes == self.input_rank
        if not fits or any(size is None for size in input_shape[1 + self.any_number :]):
            raise ValueError(
                f"Layer '{self.name}' expects capsules of shape {self.input_layout}, with all "
                f"sizes but the batch known. Received: input shape {tuple(input_shape)}"
            )
        return tuple(input_shape)

    def compute_output_shape(self, input_shape):
        return self.routing.compute_output_shape(
            self.compute_votes_shape(self._poses_shape(input_shape))
        )

    def compute_output_spec(self, inputs, mask=None, return_coupling=False, training=None):
        poses, _ = inputs if isinstance(inputs, (tuple, list)) else (inputs, None)
        votes_shape = self.compute_votes_shape(self._poses_shape(poses.shape))
        votes = keras.KerasTensor(votes_shape, dtype=self.compute_dtype)
        return self.routing.compute_output_spec(votes, return_coupling=return_coupling)

    def get_config(self):
        return {
            **super().get_config(),
            "num_capsules": self.num_capsules,
            "pose_dim": self.pose_dim,
            "routing": routings.serialize(self.routing, dtype=self.dtype_policy),
            "transform": self.transform,
            "vote_bias": self.vote_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "recompute": self.recompute,
        }


def check_square(argument, value):
    """Returns the root of `value`, or raises `ValueError` unless it is a square."""
    root = math.isqrt(value)
    if root * root != value:
        raise ValueError(
            f"With transform='matrix' a pose is a square matrix: expected `{argument}` to be a "
            f"square such as 4, 9 or 16. Received: {argument}={value}"
        )
    return root
