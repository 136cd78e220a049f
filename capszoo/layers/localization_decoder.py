"""A decoder that says where in a clip is what a class capsule stands for."""

import math

import keras
from keras import ops

from capszoo.validation import check_positive_int
from capszoo.validation import check_size


@keras.saving.register_keras_serializable(package="capszoo")
class LocalizationDecoder(keras.layers.Layer):
    """Makes a probability for each pixel of each frame, of a class capsule and of maps below it.

    A dense layer with ReLU makes a coarse map, of the size of the first map, of the capsules of all
    classes, of which all but those to be localized are zero. It is put beside the first map; a
    transposed convolution with ReLU brings both to the size of the next, beside which it is put,
    and so on. After the last map transposed convolutions at most double frames, rows and columns
    each, until they are those of the clip, and a convolution with sigmoid gives the probabilities.

    Args:
        frame_shape: `(frames, height, width)` of the clip.
        filters: Filters of the transposed convolution after each map; those after the last are of
            half as many each.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: The masked class capsules and, one or more, the maps, from coarse to fine.

    Input shape:
        A list of `(batch, classes, pose_dim)` and `(batch, *size, channels)` for each map.

    Output shape:
        `(batch, frames, height, width)`, between 0 and 1, float32 whatever the policy.

    Raises:
        ValueError: If a size is not a positive integer, there are not as many maps as filters, or
            a map is coarser than the one before or finer than the clip.

    Example:

    >>> decoder = capszoo.layers.LocalizationDecoder((8, 32, 32), filters=(16, 16))
    >>> capsules, maps = np.ones((2, 5, 16)), [np.ones((2, 2, 4, 4, 8)), np.ones((2, 4, 8, 8, 8))]
    >>> tuple(decoder([capsules, *maps]).shape)
    (2, 8, 32, 32)

    Reference:

    - [Duarte, Rawat, Shah, 2018](https://arxiv.org/abs/1805.08162), section 4
    """

    def __init__(self, frame_shape, filters, **kwargs):
        frame_shape = check_size("frame_shape", frame_shape, rank=3)
        filters = tuple(check_positive_int("filters", size) for size in filters)
        super().__init__(**kwargs)
        self.frame_shape = frame_shape
        self.filters = filters

    def build(self, input_shape):
        capsules, *maps = input_shape
        if len(maps) != len(self.filters) or not maps:
            raise ValueError(
                f"Layer '{self.name}' expects class capsules and {len(self.filters)} maps, one for "
                f"each of `filters`. Received: {len(maps)} maps"
            )
        self.sizes = [tuple(one[1:4]) for one in maps]
        for coarse, fine in zip(self.sizes, (*self.sizes[1:], self.frame_shape), strict=True):
            if any(few > many for few, many in zip(coarse, fine, strict=True)):
                raise ValueError(
                    f"Layer '{self.name}' expects maps from coarse to fine, none finer than the "
                    f"clip of {self.frame_shape}. Received: maps of {self.sizes}"
                )
        self.dense = keras.layers.Dense(
            math.prod(self.sizes[0]), activation="relu", dtype=self.dtype_policy, name="dense"
        )
        self.dense.build((capsules[0], math.prod(capsules[1:])))
        channels, self.transposed, self.grids = 1, [], []
        for index, (size, filters) in enumerate(zip(self.sizes, self.filters, strict=True)):
            channels += maps[index][-1]
            if index + 1 < len(maps):
                to = self.sizes[index + 1]
                channels = self._add_step(size, to, channels, filters)
                continue
            while size != self.frame_shape:
                to = tuple(
                    min(2 * one, whole) for one, whole in zip(size, self.frame_shape, strict=True)
                )
                channels, filters = self._add_step(size, to, channels, filters), filters // 2 or 1
                size = to
        self.readout = keras.layers.Conv3D(
            1, 3, padding="same", data_format="channels_last", dtype=self.dtype_policy, name="pixel"
        )
        self.readout.build((None, *self.frame_shape, channels))

    def _add_step(self, size, to, channels, filters):
        strides = tuple(-(-new // old) for old, new in zip(size, to, strict=True))
        layer = keras.layers.Conv3DTranspose(
            filters,
            tuple(max(3, step) for step in strides),
            strides=strides,
            padding="same",
            activation="relu",
            data_format="channels_last",
            kernel_initializer="he_normal",
            dtype=self.dtype_policy,
            name=f"step_{len(self.transposed) + 1}",
        )
        layer.build((None, *size, channels))
        self.transposed.append(layer)
        self.grids.append(to)
        return filters

    def call(self, inputs):
        capsules, *maps = inputs
        capsules = ops.reshape(capsules, (-1, math.prod(capsules.shape[1:])))
        found = ops.reshape(self.dense(capsules), (-1, *self.sizes[0], 1))
        for index, (layer, grid) in enumerate(zip(self.transposed, self.grids, strict=True)):
            if index < len(maps):
                found = ops.concatenate([found, maps[index]], axis=-1)
            # What it exceeds the next size by is cut off.
            found = layer(found)[:, : grid[0], : grid[1], : grid[2]]
        if len(maps) > len(self.transposed):  # the last map has the size of the clip
            found = ops.concatenate([found, maps[-1]], axis=-1)
        logits = ops.cast(ops.squeeze(self.readout(found), -1), "float32")
        return ops.sigmoid(logits)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], *self.frame_shape)

    def compute_output_spec(self, inputs):
        shape = self.compute_output_shape([one.shape for one in inputs])
        return keras.KerasTensor(shape, "float32")

    def get_config(self):
        return {**super().get_config(), "frame_shape": self.frame_shape, "filters": self.filters}
