"""Class capsules that share their transforms over positions and are told where a vote is from."""

import math

import keras
import numpy as np
from keras import ops

from capszoo.layers.capsule_layer import CapsuleLayer
from capszoo.ops import Geometry
from capszoo.ops import dense_votes
from capszoo.validation import check_number


@keras.saving.register_keras_serializable(package="capszoo")
class ClassCapsules(CapsuleLayer):
    """Class capsules every child votes for, by a transform shared over positions.

    Sharing loses where a child is, so its position is added to the vote (coordinate addition):
    the row to the first number of the pose, the column to the second, both measured from the
    middle of the map and multiplied by `coordinate_scale`.

    Args:
        num_capsules: How many classes there are.
        pose_dim: Size of a class capsule's pose vector; at least 2.
        coordinate_scale: What a step of one position is worth in a pose. `0.04` is 4 pixels, in
            hundreds. Defaults to `0.04`.
        routing: How votes are combined: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`. Defaults to `"em"`.
        **kwargs: Arguments of `capszoo.layers.CapsuleLayer`.

    Call arguments:
        inputs: Poses of the children; with a routing that has explicit activations, the pair of
            poses and activations `(batch, height, width, types)`.
        return_coupling: Whether the couplings are returned too. Defaults to `False`.

    Input shape:
        `(batch, height, width, types, child_dim)`.

    Output shape:
        `(batch, num_capsules, pose_dim)`; with a routing that has explicit activations, the
        pair of poses and activations `(batch, num_capsules)`. With `return_coupling=True` also
        `(batch, num_capsules, height * width * types)`.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, the input has not
            five axes or a pose is not square where it must be.

    Example:

    >>> poses = np.random.normal(size=(2, 4, 4, 8, 16)).astype("float32")
    >>> presence = np.ones((2, 4, 4, 8), "float32")
    >>> layer = capszoo.layers.ClassCapsules(5, 16, transform="matrix")
    >>> class_poses, activations = layer((poses, presence))
    >>> tuple(class_poses.shape), tuple(activations.shape)
    ((2, 5, 16), (2, 5))

    Reference:

    - [Hinton, Sabour, Frosst, 2018](https://openreview.net/forum?id=HJWLfGWRb)
    """

    input_rank = 5
    input_layout = "(batch, height, width, types, child_dim)"
    # What a vote is told of its place.
    places: tuple[str, ...] = ("row", "column")

    def __init__(self, num_capsules, pose_dim, coordinate_scale=0.04, routing="em", **kwargs):
        check_number("coordinate_scale", coordinate_scale)
        super().__init__(num_capsules, pose_dim, routing=routing, **kwargs)
        if self.pose_dim < len(self.places):
            raise ValueError(
                f"Argument `pose_dim` must be at least {len(self.places)}, for "
                f"{' and '.join(self.places)}. Received: pose_dim={pose_dim}"
            )
        self.coordinate_scale = coordinate_scale

    def compute_kernel_shape(self, input_shape, child_dim):
        return (input_shape[-2], child_dim)

    def compute_votes(self, poses, kernel):
        *size, types, child_dim = poses.shape[1:]
        positions = math.prod(size)
        votes = dense_votes(ops.reshape(poses, (-1, types, child_dim)), kernel)
        _, parents, per_position, pose_dim = votes.shape
        votes = ops.reshape(votes, (-1, positions, parents, per_position, pose_dim))
        votes = ops.transpose(votes, (0, 2, 1, 3, 4))
        return ops.reshape(votes, (-1, parents, positions * per_position, pose_dim))

    def compute_geometry(self, input_shape):
        return Geometry((), children=math.prod(input_shape[1:-1]))

    def arrange_activations(self, activations):
        return ops.reshape(activations, (-1, math.prod(activations.shape[1:])))

    def arrange_poses(self, poses):
        return ops.reshape(poses, (-1, math.prod(poses.shape[1:-1]), poses.shape[-1]))

    def build(self, input_shape):
        super().build(input_shape)
        _, *size, types, _ = self._poses_shape(input_shape)
        coordinates = np.zeros((*size, types * self.routing.votes_per_child, self.pose_dim))
        middle = (np.array(size) - 1) / 2
        for axis, places in enumerate(np.indices(size)):
            coordinates[..., axis] = (places - middle[axis])[..., None]
        coordinates *= self.coordinate_scale
        self._coordinates = coordinates.reshape(-1, self.pose_dim).astype("float32")

    def vote_offset(self):
        bias = super().vote_offset()
        coordinates = ops.convert_to_tensor(self._coordinates, dtype=self.compute_dtype)
        return coordinates if bias is None else bias + coordinates

    def get_config(self):
        return {**super().get_config(), "coordinate_scale": self.coordinate_scale}


@keras.saving.register_keras_serializable(package="capszoo")
class ClassCapsules3D(ClassCapsules):
    """Class capsules of volumes or clips, told at which depth (of clips, when) a vote is from too.

    The same layer as `ClassCapsules`: depth, row and column are added to the first three numbers of
    a vote.

    Args:
        num_capsules: How many classes there are.
        pose_dim: Size of a class capsule's pose vector; at least 3.
        coordinate_scale: What a step of one position is worth in a pose. Defaults to `0.04`.
        routing: How votes are combined: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`. Defaults to `"em"`.
        **kwargs: Arguments of `capszoo.layers.CapsuleLayer`.

    Call arguments:
        inputs: Poses of the children; with a routing that has explicit activations, the pair of
            poses and activations `(batch, depth, height, width, types)`.
        return_coupling: Whether the couplings are returned too. Defaults to `False`.

    Input shape:
        `(batch, depth, height, width, types, child_dim)`.

    Output shape:
        As of `ClassCapsules`.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, the input has not
            6 axes or a pose is not square where it must be.

    Example:

    >>> poses = np.random.normal(size=(2, 3, 4, 4, 8, 16)).astype("float32")
    >>> presence = np.ones((2, 3, 4, 4, 8), "float32")
    >>> layer = capszoo.layers.ClassCapsules3D(5, 16, transform="matrix")
    >>> class_poses, activations = layer((poses, presence))
    >>> tuple(class_poses.shape), tuple(activations.shape)
    ((2, 5, 16), (2, 5))
    """

    input_rank = 6
    input_layout = "(batch, depth, height, width, types, child_dim)"
    places = ("depth", "row", "column")
