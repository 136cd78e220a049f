"""Bringing pictures of any size to the one that a network takes."""

import keras
from keras import ops

from capszoo.ops import resize
from capszoo.validation import check_positive_int
from capszoo.validation import check_size


@keras.saving.register_keras_serializable(package="capszoo")
class ImagePreparation(keras.layers.Layer):
    """Resizes pictures and cuts a part out of each.

    The part is at a place of its own in each picture while training, elsewhere it is the middle.

    Args:
        resize: Height and width to which pictures are brought, see `capszoo.ops.resize`.
        crop: Height and width of the part. Defaults to `None`, the whole picture.
        levels: The largest pixel value of pictures of whole numbers, `None` for any numbers.
            Defaults to `255`.
        seed: Seed of the places. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, channels)`, any height and width.

    Output shape:
        `(batch, crop height, crop width, channels)`, in float32 whatever the policy.

    Raises:
        ValueError: If a size is not a positive integer or the crop exceeds the size.

    Example:

    >>> pictures = np.zeros((2, 100, 80, 3), "uint8")
    >>> tuple(capszoo.layers.ImagePreparation((48, 48), crop=(32, 32))(pictures).shape)
    (2, 32, 32, 3)
    """

    def __init__(self, resize, crop=None, levels=255, seed=None, **kwargs):
        resize = check_size("resize", resize, rank=2)
        crop = resize if crop is None else check_size("crop", crop, rank=2)
        if crop[0] > resize[0] or crop[1] > resize[1]:
            raise ValueError(
                "Pictures must be at least as large as what is cut out of them. Received: "
                f"resize={resize}, a crop of {crop}"
            )
        if levels is not None:
            check_positive_int("levels", levels)
        # Pixel values up to 255 are no numbers for half precision.
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.resize = resize
        self.crop = crop
        self.levels = levels
        self.seed = seed
        self.seed_generator = None if crop == resize else keras.random.SeedGenerator(seed)

    def call(self, inputs, training=None):
        images = ops.cast(resize(inputs, *self.resize, levels=self.levels), "float32")
        if self.crop == self.resize:
            return images
        (rows, height), (columns, width) = zip(self.resize, self.crop, strict=True)
        if training:
            # A row of zeros and a one for each pixel of the part: a product cuts it out, whatever
            # the backend, at a place of its own in each picture.
            tops = self._one_hot(images, rows, height)
            lefts = self._one_hot(images, columns, width)
            images = ops.einsum("bhwc,bgh->bgwc", images, tops)
            return ops.einsum("bgwc,bvw->bgvc", images, lefts)
        top, left = (rows - height) // 2, (columns - width) // 2
        return images[:, top : top + height, left : left + width]

    def _one_hot(self, images, whole, part):
        places = keras.random.uniform((ops.shape(images)[0], 1), seed=self.seed_generator)
        starts = ops.cast(ops.floor(places * (whole - part + 1)), "int32")
        starts = ops.minimum(starts, whole - part)
        return ops.one_hot(starts + ops.arange(part, dtype="int32"), whole, dtype="float32")

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.crop, input_shape[-1])

    def get_config(self):
        return {
            **super().get_config(),
            "resize": self.resize,
            "crop": self.crop,
            "levels": self.levels,
            "seed": self.seed,
        }
