"""Several capsule layers that route at once, each from what the others were a pass before."""

import keras
from keras import ops

from capszoo.layers.capsule_layer import CapsuleLayer
from capszoo.ops import saturate
from capszoo.routing import InvertedAttentionRouting


@keras.saving.register_keras_serializable(package="capszoo")
class ConcurrentCapsules(keras.layers.Layer):
    """A stack of capsule layers by inverted attention that iterate together.

    A stack of layers by itself is sequential: each does all its iterations before the next one
    begins. Here an iteration is a pass over the whole stack. With `p[l, t]` the poses of layer
    `l` after pass `t`, `p[0, t]` the inputs, and `attend` one iteration of
    `capszoo.routing.InvertedAttentionRouting`,

        p[l, 1] = attend(votes of p[l - 1, 1])                      with uniform couplings
        p[l, t] = attend(votes of p[l - 1, t - 1], p[l, t - 1])     all layers at once

    so that a layer's votes change while it routes. What cannot reach the output any more, the
    last passes of the first layers, is not computed.

    Args:
        layers: The capsule layers, at least one, whose routings are inverted attention with the
            same number of iterations: that many passes are done.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Poses, as the first layer takes them.
        return_coupling: Whether the coupling of the last layer, in the last pass, is returned
            too. Defaults to `False`.

    Input shape:
        That of the first layer.

    Output shape:
        That of the last layer.

    Raises:
        ValueError: If there is no layer, one is no capsule layer by inverted attention, or the
            numbers of iterations differ.

    Example:

    >>> layers = [
    ...     capszoo.layers.DenseCapsules(number, 4, routing="inverted_attention")
    ...     for number in (6, 3)
    ... ]
    >>> tuple(capszoo.layers.ConcurrentCapsules(layers)(np.ones((2, 8, 4), "float32")).shape)
    (2, 3, 4)

    Reference:

    - [Tsai, Srivastava, Goh, Salakhutdinov, 2020](https://arxiv.org/abs/2002.04764)
    """

    def __init__(self, layers, **kwargs):
        layers = [
            keras.layers.deserialize(layer) if isinstance(layer, dict) else layer
            for layer in layers
        ]
        if not layers:
            raise ValueError("Argument `layers` must hold at least one layer. Received: none")
        for layer in layers:
            routing = getattr(layer, "routing", None)
            if not isinstance(layer, CapsuleLayer) or not isinstance(
                routing, InvertedAttentionRouting
            ):
                raise ValueError(
                    "Argument `layers` must hold capsule layers with the routing "
                    "'inverted_attention', the one that routes concurrently. Received: "
                    f"{type(layer).__name__} with {type(routing).__name__}"
                )
        passes = [layer.routing.iterations for layer in layers]
        if len(set(passes)) > 1:
            raise ValueError(
                "Layers that route concurrently must have the same number of iterations. "
                f"Received: iterations={passes}"
            )
        super().__init__(**kwargs)
        self.layers = layers
        self.passes = passes[0]

    def build(self, input_shape):
        for layer in self.layers:
            if not layer.built:
                layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)

    def call(self, inputs, return_coupling=False):
        poses = [saturate(inputs)]
        for layer in self.layers:
            new, coupling = self._attend(layer, poses[-1])
            poses.append(new)
        for done in range(1, self.passes):
            left = self.passes - done
            before = list(poses)
            for index, layer in enumerate(self.layers, start=1):
                if len(self.layers) - index < left:
                    poses[index], coupling = self._attend(layer, before[index - 1], before[index])
        return (poses[-1], coupling) if return_coupling else poses[-1]

    @staticmethod
    def _attend(layer, children, parents=None):
        """Does one iteration of a layer; its votes are made for it."""
        output_shape = layer.compute_output_shape(children.shape)[1:]

        def function(votes, *parents):
            dtype = keras.backend.standardize_dtype(votes.dtype)
            wide = ops.cast(votes, keras.backend.result_type(dtype, "float32"))
            # Positions of volumes are one axis of the votes.
            shape = (-1, *votes.shape[1:-2], votes.shape[-1])
            parents = [ops.cast(ops.reshape(one, shape), wide.dtype) for one in parents]
            poses, coupling = layer.routing.attend(wide, *parents)
            if coupling is None:
                coupling = ops.full_like(wide[..., 0], 1.0 / votes.shape[-3])
            return ops.cast(poses, dtype), ops.cast(coupling, dtype)

        votes = layer.lazy_votes(children)
        poses, coupling = votes.given_to(function, *([] if parents is None else [parents]))
        grid = output_shape[:-2]
        return (
            ops.reshape(poses, (-1, *output_shape)),
            ops.reshape(coupling, (-1, *grid, *coupling.shape[-2:])),
        )

    def compute_output_shape(self, input_shape):
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def compute_output_spec(self, inputs, return_coupling=False):
        spec = inputs
        for index, layer in enumerate(self.layers, start=1):
            last = index == len(self.layers)
            spec = layer.compute_output_spec(spec, return_coupling=return_coupling and last)
        return spec

    def get_config(self):
        return {
            **super().get_config(),
            "layers": [keras.layers.serialize(layer) for layer in self.layers],
        }
