"""Residual connections in a stack of capsule layers."""

import keras

from capszoo.layers.activation_to_length import ActivationToLength
from capszoo.ops import squash as squash_poses
from capszoo.validation import check_choice
from capszoo.validation import check_positive_int

MODES = ("identity", "paper", "paper_convolutional")


@keras.saving.register_keras_serializable(package="capszoo")
class ResidualCapsules(keras.layers.Layer):
    """A stack of capsule layers with residual connections between poses.

    With `y[i]` what layer `i` itself returns and `d` the skip distance, the modes are

    - `"identity"`: blocks of `d` layers, each added to what entered it, `x = x + block(x)`, as
      in a ResNet: an unbroken path from the first block to the last. The first block begins
      where shapes allow it;
    - `"paper"`: after every layer `i = d, 2 d, ...` comes `x = y[i] + y[i - d]`. What is added is
      the source before any addition, so no path is unbroken;
    - `"paper_convolutional"`: the same, but the source of the next skip is the layer after the
      last addition: 0 to `d`, `d + 1` to `2 d + 1`, ...;
    - `None`: a plain stack.

    Where the two ends of a skip differ in shape it is left out. Layers whose routing has
    explicit activations are followed by `ActivationToLength`.

    Args:
        layers: The capsule layers, at least one.
        mode: One of the above. Defaults to `"identity"`.
        skip_distance: How many layers a skip passes. Defaults to `2`.
        squash: Whether poses are squashed again after each addition; otherwise they may be
            longer than 1. Defaults to `False`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        That of the first layer.

    Output shape:
        That of the last layer.

    Raises:
        ValueError: If there is no layer, the mode is unknown or `skip_distance` is not a
            positive integer.

    Example:

    >>> stack = capszoo.layers.ResidualCapsules(
    ...     [capszoo.layers.DenseCapsules(16, 8) for _ in range(4)]
    ... )
    >>> tuple(stack(np.ones((2, 16, 8), "float32")).shape)
    (2, 16, 8)

    Reference:

    - [Gugglberger, Peer, Rodriguez-Sanchez, 2021](https://arxiv.org/abs/2104.07393)
    """

    def __init__(self, layers, mode="identity", skip_distance=2, squash=False, **kwargs):
        layers = [
            keras.layers.deserialize(layer) if isinstance(layer, dict) else layer
            for layer in layers
        ]
        if not layers:
            raise ValueError("Argument `layers` must hold at least one layer. Received: none")
        if mode is not None:
            check_choice("mode", mode, MODES)
        skip_distance = check_positive_int("skip_distance", skip_distance)
        super().__init__(**kwargs)
        self.layers = layers
        self.mode = mode
        self.skip_distance = skip_distance
        self.squash = squash
        self.to_length = ActivationToLength(dtype=self.dtype_policy, name="to_length")

    def build(self, input_shape):
        shapes = [tuple(input_shape)]
        for layer in self.layers:
            if not layer.built:
                layer.build(shapes[-1])
            shapes.append(_poses_shape(layer.compute_output_shape(shapes[-1])))
        self.to_length.build(shapes[-1])
        self.skips = skips(shapes, self.mode, self.skip_distance)

    def call(self, inputs):
        sources = dict(self.skips)
        poses = inputs
        # Index 0 is the input and i + 1 what layer i has returned; in the papers' modes a skip
        # starts from the raw output, in "identity" from the running sum.
        points = [inputs]
        for index, layer in enumerate(self.layers, start=1):
            raw = layer(poses)
            poses = raw = self.to_length(raw) if isinstance(raw, (tuple, list)) else raw
            if index in sources:
                poses = poses + points[sources[index]]
                if self.squash:
                    poses = squash_poses(poses)
            points.append(poses if self.mode == "identity" else raw)
        return poses

    def compute_output_shape(self, input_shape):
        for layer in self.layers:
            input_shape = _poses_shape(layer.compute_output_shape(input_shape))
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "layers": [keras.layers.serialize(layer) for layer in self.layers],
            "mode": self.mode,
            "skip_distance": self.skip_distance,
            "squash": self.squash,
        }


def _poses_shape(output_shape):
    return tuple(output_shape[0] if isinstance(output_shape[0], (tuple, list)) else output_shape)


def skips(shapes, mode, distance):
    """Lists the skips of a stack as pairs (destination, source).

    Args:
        shapes: Shape of the input, then of each layer's output; a point's index is its place
            here, so layer `i` of the papers, counted from 0, is point `i + 1`.
        mode: A mode of `ResidualCapsules`.
        distance: The skip distance.

    Returns:
        List of pairs of points.
    """
    last = len(shapes) - 1
    if mode is None:
        pairs = []
    elif mode == "identity":
        # Blocks begin where one can be skipped: a first layer may change the shape.
        alike = (p for p in range(last - distance + 1) if shapes[p] == shapes[p + distance])
        begin = next(alike, last) + distance
        pairs = [(point, point - distance) for point in range(begin, last + 1, distance)]
    elif mode == "paper":
        pairs = [(point, point - distance) for point in range(distance + 1, last + 1, distance)]
    else:
        step = distance + 1
        pairs = [(point, point - distance) for point in range(distance + 1, last + 1, step)]
    return [(to, start) for to, start in pairs if shapes[to] == shapes[start]]
