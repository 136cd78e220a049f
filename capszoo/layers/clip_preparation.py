"""Bringing clips of any size and length to the ones that a network takes."""

import keras
from keras import ops

from capszoo.ops import resize
from capszoo.validation import check_positive_int
from capszoo.validation import check_size


@keras.saving.register_keras_serializable(package="capszoo")
class ClipPreparation(keras.layers.Layer):
    """Resizes the frames of clips and cuts a window out of each clip: of its frames, rows, columns.

    The window is at a place of its own in each clip while training, elsewhere it is the middle.

    Args:
        resize: Height and width to which frames are brought, see `capszoo.ops.resize`.
        window: Frames, height and width of the window.
        levels: The largest pixel value of clips of whole numbers, `None` for any numbers.
            Defaults to `255`.
        seed: Seed of the places. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, frames, height, width, channels)`, of any height and width, and no fewer frames
        than the window.

    Output shape:
        `(batch, *window, channels)`, in float32 whatever the policy, and where the window begins:
        the frame, the row and the column, `(batch, 3)`, integers.

    Raises:
        ValueError: If a size is not a positive integer or the window exceeds the frames' size.

    Example:

    >>> clips = np.zeros((2, 10, 100, 80, 3), "uint8")
    >>> windows, places = capszoo.layers.ClipPreparation((48, 48), window=(8, 32, 32))(clips)
    >>> tuple(windows.shape), np.asarray(places)[0].tolist()
    ((2, 8, 32, 32, 3), [1, 8, 8])
    """

    def __init__(self, resize, window, levels=255, seed=None, **kwargs):
        resize = check_size("resize", resize, rank=2)
        window = check_size("window", window, rank=3)
        if window[1] > resize[0] or window[2] > resize[1]:
            raise ValueError(
                "Frames must be at least as large as what is cut out of them. Received: "
                f"resize={resize}, a window of {window}"
            )
        if levels is not None:
            check_positive_int("levels", levels)
        # Pixel values up to 255 are no numbers for half precision.
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.resize = resize
        self.window = window
        self.levels = levels
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=None):
        sizes = ops.shape(inputs)
        places = self._places(inputs, training)
        # First the frames: those beyond the window are not resized.
        clips = cut(inputs, places[:, 0], self.window[0], axis=1)
        clips = ops.reshape(clips, (-1, sizes[2], sizes[3], inputs.shape[-1]))
        clips = ops.cast(resize(clips, *self.resize, levels=self.levels), "float32")
        clips = ops.reshape(clips, (-1, self.window[0], *self.resize, inputs.shape[-1]))
        for axis in (2, 3):
            if self.resize[axis - 2] > self.window[axis - 1]:
                clips = cut(clips, places[:, axis - 1], self.window[axis - 1], axis)
        return clips, places

    def _places(self, inputs, training):
        batch, frames = ops.shape(inputs)[:2]
        whole = ops.stack([ops.cast(size, "int32") for size in (frames, *self.resize)])
        room = whole - ops.convert_to_tensor(self.window, "int32")
        if training:
            random = keras.random.uniform((batch, 3), seed=self.seed_generator)
            places = ops.cast(ops.floor(random * ops.cast(room + 1, "float32")), "int32")
            return ops.minimum(places, room)
        return ops.broadcast_to(room // 2, (batch, 3))

    def cut_masks(self, masks, places):
        """Brings masks of clips to the windows that were cut out of the clips.

        Args:
            masks: Integers `(batch, frames, height, width)`, of the clips as they came.
            places: Where the windows begin, as the layer gives them.

        Returns:
            Integers `(batch, *window)`; the nearest ones where frames were resized.
        """
        masks = cut(masks, places[:, 0], self.window[0], axis=1)
        for axis in (2, 3):
            old, new = ops.shape(masks)[axis], self.resize[axis - 2]
            middles = (ops.arange(new, dtype="float32") + 0.5) * (ops.cast(old, "float32") / new)
            masks = ops.take(masks, ops.cast(ops.floor(middles), "int32"), axis=axis)
            masks = cut(masks, places[:, axis - 1], self.window[axis - 1], axis)
        return masks

    def compute_output_spec(self, inputs, training=None):
        shape = (inputs.shape[0], *self.window, inputs.shape[-1])
        return keras.KerasTensor(shape), keras.KerasTensor((inputs.shape[0], 3), "int32")

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.window, input_shape[-1]), (input_shape[0], 3)

    def get_config(self):
        return {
            **super().get_config(),
            "resize": self.resize,
            "window": self.window,
            "levels": self.levels,
            "seed": self.seed,
        }


def cut(examples, starts, count, axis):
    """Cuts a part of an axis out of each example, at a place of its own.

    Args:
        examples: Tensor `(batch, ...)`.
        starts: Where each part begins, `(batch,)`, integers.
        count: How long a part is.
        axis: Which axis.

    Returns:
        Tensor whose axis is `count` long.

    Example:

    >>> rows = np.array([[1, 2, 3], [4, 5, 6]])
    >>> part = capszoo.layers.clip_preparation.cut(rows, np.array([0, 1]), 2, axis=1)
    >>> np.asarray(part).tolist()
    [[1, 2], [5, 6]]
    """
    places = ops.expand_dims(ops.cast(starts, "int32"), 1) + ops.arange(count, dtype="int32")
    shape = [-1 if one == 0 else count if one == axis else 1 for one in range(len(examples.shape))]
    return ops.take_along_axis(examples, ops.reshape(places, shape), axis=axis)
