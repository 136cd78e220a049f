"""Object capsules: each says what parts it is made of, where it is and how sure it is of them."""

import itertools

import keras
from keras import ops

from capszoo.ops import affine_of_pose
from capszoo.ops import compose_affine
from capszoo.ops import widen
from capszoo.validation import check_positive_int

_POSE = 6
# The least that a pose may be away from its vote.
_SMALLEST_DEVIATION = 0.01


@keras.saving.register_keras_serializable(package="capszoo")
class ObjectCapsules(keras.layers.Layer):
    """Makes the votes of object capsules for the poses of parts.

    From its own description an object capsule `k` computes, with weights of its own, where it is,
    an affine map; where each part `n` is within it, a learnt one and how that changes; and how
    present it is, and each part in it:

        vote[k, n] = object[k] part[k, n]          affine maps, one after the other
        part[k, n] = affine(static[k, n] + dynamic[k, n])

    Args:
        num_parts: How many parts there are.
        units: Hidden units of both networks of a capsule. Defaults to `128`.
        parameters: How many numbers are between these. Defaults to `32`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, objects, size)`.

    Output shape:
        A tuple of, all in float32: poses `(batch, objects, 6)`, the affine maps of the objects;
        votes `(batch, objects, parts, 6)`; deviations `(batch, objects, parts)`; logits of
        presence `(batch, objects)` and of the parts in each `(batch, objects, parts)`; and what
        the learnt maps were changed by, `(batch, objects, parts, 6)`.

    Raises:
        ValueError: If a size is not a positive integer, or the input not of three axes.

    Example:

    >>> objects = np.random.normal(size=(2, 10, 16)).astype("float32")
    >>> poses, votes, *others = capszoo.layers.ObjectCapsules(num_parts=7, units=8)(objects)
    >>> tuple(poses.shape), tuple(votes.shape)
    ((2, 10, 6), (2, 10, 7, 6))

    Reference:

    - [Kosiorek et al., 2019](https://arxiv.org/abs/1906.06818)
    """

    def __init__(self, num_parts, units=128, parameters=32, **kwargs):
        num_parts = check_positive_int("num_parts", num_parts)
        units = check_positive_int("units", units)
        parameters = check_positive_int("parameters", parameters)
        super().__init__(**kwargs)
        self.num_parts = num_parts
        self.units = units
        self.parameters = parameters

    def build(self, input_shape):
        if len(input_shape) != 3 or None in input_shape[1:]:
            raise ValueError(
                f"Layer '{self.name}' expects objects of shape (batch, objects, size), with all "
                f"sizes but the batch known. Received: input shape {tuple(input_shape)}"
            )
        objects, size = input_shape[1:]
        of_parts = self.num_parts * _POSE + 2 * self.num_parts
        sizes = (size, self.units, self.parameters, self.units, of_parts + _POSE + 1)
        self.kernels, self.biases = [], []
        for number, (before, after) in enumerate(itertools.pairwise(sizes)):
            spread = 1.0 if number < len(sizes) - 2 else 0.1
            initializer = keras.initializers.VarianceScaling(spread, "fan_in", "truncated_normal")
            self.kernels.append(
                self.add_weight(
                    shape=(objects, before, after),
                    # Of one object, as each has a network of its own.
                    initializer=_EachAlike(initializer),
                    name=f"kernel_{number}",
                )
            )
            self.biases.append(
                self.add_weight(shape=(objects, after), initializer="zeros", name=f"bias_{number}")
            )
        self.static = self.add_weight(
            shape=(objects, self.num_parts, _POSE),
            initializer=keras.initializers.TruncatedNormal(stddev=0.1),
            name="static",
        )

    def call(self, inputs):
        numbers = inputs
        last = len(self.kernels) - 1
        for layer, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            numbers = ops.einsum("bks,kst->bkt", numbers, kernel) + bias
            if layer not in (1, last):  # the parameters, and what comes of them
                numbers = ops.relu(numbers)
        numbers = widen(numbers)
        objects, parts = inputs.shape[1], self.num_parts
        dynamic = ops.reshape(numbers[..., : parts * _POSE], (-1, objects, parts, _POSE))
        rest = numbers[..., parts * _POSE :]
        in_objects, deviations, pose = (
            rest[..., :parts],
            rest[..., parts : 2 * parts],
            rest[..., 2 * parts : 2 * parts + _POSE],
        )
        place = affine_of_pose(pose)
        part = affine_of_pose(widen(ops.convert_to_tensor(self.static)) + dynamic)
        votes = compose_affine(ops.expand_dims(place, 2), part)
        return (
            ops.reshape(place, (-1, objects, _POSE)),
            ops.reshape(votes, (-1, objects, parts, _POSE)),
            ops.softplus(deviations + 0.5) + _SMALLEST_DEVIATION,
            rest[..., -1],
            in_objects,
            dynamic,
        )

    def compute_output_spec(self, inputs):
        shapes = self.compute_output_shape(inputs.shape)
        return tuple(keras.KerasTensor(shape, dtype="float32") for shape in shapes)

    def compute_output_shape(self, input_shape):
        objects = tuple(input_shape[:2])
        parts = (*objects, self.num_parts)
        return (*objects, _POSE), (*parts, _POSE), parts, objects, parts, (*parts, _POSE)

    def get_config(self):
        return {
            **super().get_config(),
            "num_parts": self.num_parts,
            "units": self.units,
            "parameters": self.parameters,
        }


class _EachAlike:
    """Draws the kernel of each object as that of one layer, not as one of all objects."""

    def __init__(self, initializer):
        self.initializer = initializer

    def __call__(self, shape, dtype=None):
        return ops.stack(
            [self.initializer.clone()(shape[1:], dtype=dtype) for _ in range(shape[0])]
        )
