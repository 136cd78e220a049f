"""The input end for pictures: checked, prepared, rescaled and normalized."""

import math
from pathlib import Path
from typing import Any
from typing import ClassVar

import keras
import numpy as np

from capszoo import data as data_sets
from capszoo.data.images import crop_middle
from capszoo.data.images import fitting_size
from capszoo.data.images import resize_images
from capszoo.kinds import ImageShape
from capszoo.kinds import Positive
from capszoo.kinds import Size2D
from capszoo.kinds import checked
from capszoo.layers import ImagePreparation
from capszoo.layers import ImageStandardization
from capszoo.memory import count_activation
from capszoo.models.arrays import check_images
from capszoo.models.inputs.input_end import InputEnd
from capszoo.models.inputs.normalization import normalize
from capszoo.models.kinds import ImageNormalization
from capszoo.models.kinds import Policy
from capszoo.validation import check_image_shape
from capszoo.validation import check_size

# Height and width of pictures that differ in size, or are larger, where nothing else is said.
LARGEST_SIZE = (32, 32)


class ImageInput(InputEnd):
    """Pictures as a model's input.

        pictures - [resize, crop] - rescaling - normalization - features

    Args:
        image_shape: `(height, width, channels)` of the pictures that the body of the model
            sees.
        resize: `(height, width)` to which pictures of any size are brought; the part of
            `image_shape` is then cut out of them, in training at random, elsewhere from the
            middle. Defaults to `None`: pictures come in `image_shape`, and others are refused.
        rescaling: Factor that takes pixel values to between 0 and 1. Use `1` for pictures
            that are there already. Defaults to `1 / 255`.
        normalization: What follows the rescaling: `None`, `"per_image"` for mean 0 and
            deviation 1 of each picture, or a dictionary of the channels' `mean` and `variance`.
            What a decoder is compared with is the picture before it. Defaults to `None`.
        dtype: Dtype or policy of the model. Defaults to `None`, Keras' global policy.

    Attributes:
        inputs: The symbolic pictures, as they come.
        prepared: The symbolic pictures in `image_shape`.
        features: The symbolic pictures, normalized: what the body sees.
        target: The symbolic pictures, rescaled: what reconstructions are compared with.

    Raises:
        ValueError: If a shape or an option is not as said above.

    Example:

    >>> pictures = capszoo.models.inputs.ImageInput((32, 32, 2), resize=(48, 48))
    >>> pictures.inputs.shape, pictures.features.shape
    ((None, None, None, 2), (None, 32, 32, 2))
    """

    # See `InputEnd`.
    unit: ClassVar[str] = "images"
    shape_argument: ClassVar[str] = "image_shape"
    default_data: ClassVar[str] = "digits"
    default_limit: ClassVar[tuple[int, ...] | None] = LARGEST_SIZE
    unprepared: ClassVar[dict[str, Any]] = {"resize": None}

    @checked
    def __init__(
        self,
        image_shape: ImageShape,
        resize: Size2D | None = None,
        rescaling: Positive = 1 / 255,
        normalization: ImageNormalization | None = None,
        dtype: Policy | None = None,
    ):
        self.image_shape = check_image_shape(image_shape)
        self.rescaling = rescaling
        *size, channels = self.image_shape
        if resize is None:
            self.resize = None
            self.inputs = self.prepared = keras.Input(self.image_shape, name="images")
        else:
            self.resize = check_size("resize", resize, rank=2)
            count_activation("the resized pictures", (None, *self.resize, channels))
            self.inputs = keras.Input((None, None, channels), name="images")
            # Pixel values on another scale than 0 to 255 are no whole numbers.
            levels = 255 if math.isclose(rescaling, 1 / 255, rel_tol=1e-3) else None
            self.prepared = ImagePreparation(
                self.resize, tuple(size), levels=levels, name="preparation"
            )(self.inputs)
        rescale = keras.layers.Rescaling(rescaling, dtype=dtype, name="rescaling")
        self.target = rescale(self.prepared)
        self.features = normalize(
            self.target,
            normalization,
            ImageStandardization(dtype=dtype, name="normalization"),
            dtype,
        )

    @staticmethod
    def of_data(arguments: dict, data: dict, shape=None) -> dict:
        """Gives the arguments that the data of a preset ask for, so that they go in as they are.

        Args:
            arguments: Arguments of the model, `image_shape` among them.
            data: The `data:` of the preset, a dictionary; `resize` and `crop` count.
            shape: The shape of the examples of its data set. Defaults to `None`, not known.

        Returns:
            Dictionary of arguments.

        Example:

        >>> of_data = capszoo.models.inputs.ImageInput.of_data
        >>> of_data({"image_shape": (32, 32, 2)}, {"crop": [32, 32]}, (48, 48, 2))
        {'resize': (48, 48)}
        """
        sizes = (data.get("resize"), shape, data.get("crop"), arguments["image_shape"])
        return {"resize": tuple(next(size for size in sizes if size)[:2])}

    @staticmethod
    def fit(data: dict, limit=None) -> tuple[list[int], dict]:
        """Finds the shape that pictures of other data should have, and a `resize` for the data.

        Args:
            data: The `data:` of a preset, a dictionary.
            limit: The shape that larger pictures are made to fit in. Defaults to `None`: those
                of one size stay as they are, those that differ become 32 x 32.

        Returns:
            `(height, width, channels)` and what to add to the data.

        Raises:
            ValueError: If the data hold no pictures.

        Example:

        >>> capszoo.models.inputs.ImageInput.fit({"name": "cifar10"}, limit=(16, 16, 1))
        ([16, 16, 3], {'resize': [16, 16]})
        """
        shape = data_sets.example_shape(data["name"])
        if len(shape) != 3:
            check_image_shape(shape)
        *size, channels = shape
        chosen, added = data.get("crop") or data.get("resize"), {}
        if not chosen and (limit is not None or None in size):
            sides = LARGEST_SIZE if limit is None else tuple(limit[:2])
            smaller = fitting_size(tuple(size), sides)
            if smaller:
                chosen = added["resize"] = list(smaller)
        return [*(chosen or size), channels], added

    @staticmethod
    def check_shape(shape: Any) -> tuple[int, int, int]:
        """Returns a shape as `(height, width, channels)`, or raises `ValueError`."""
        return check_image_shape(shape)

    @staticmethod
    def search_data(values: dict, data: dict) -> dict:
        """Makes the data of a preset of what a search chose, and takes it out of the values.

        Args:
            values: Maps the names of hyper-parameters to their values: `translation`, a share
                of the picture, and `rotation`, a share of a full turn, are augmentation.
            data: The `data:` there is, a dictionary.

        Returns:
            The data in the same form.
        """
        tuned = {"RandomTranslation": "translation", "RandomRotation": "rotation"}
        layers = [
            layer
            for layer in data.get("augmentation", [])
            if tuned.get(next(iter(layer))) not in values
        ]
        translation, rotation = values.pop("translation", 0), values.pop("rotation", 0)
        if translation:
            factors = {"height_factor": translation, "width_factor": translation}
            layers.append({"RandomTranslation": {**factors, "fill_mode": "constant"}})
        if rotation:
            layers.append({"RandomRotation": {"factor": rotation, "fill_mode": "constant"}})
        return {**data, "augmentation": layers}

    @staticmethod
    def load(
        data: dict, split: str, data_dir=None, shape=None, prepared: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Loads pictures and labels that the data of a preset name.

        Args:
            data: The `data:` of the preset, a dictionary.
            split: `"train"`, `"validation"` or `"test"`.
            data_dir: Folder of the data sets; see `capszoo.data.load`. Defaults to `None`.
            shape: What the body of a model sees. Defaults to `None`, what there is.
                Pictures of a folder become it, or the size to which the preset resizes; those
                of many sizes come in the size of the crop where the preset crops alone.
            prepared: Whether they come as the body sees them, training pictures whole where the
                preset crops, to be augmented and cropped batch by batch. Defaults to `False`.

        Returns:
            uint8 array of shape `(n, height, width, channels)` and labels.

        Raises:
            ValueError: If the sizes do not fit each other.
        """
        resize, crop = data.get("resize"), data.get("crop")
        size = crop or resize
        if size and shape is not None and tuple(size) != tuple(shape[:2]):
            raise ValueError(
                f"The preset {'crops' if crop else 'resizes'} images to {list(size)}, but its "
                f"model takes {list(shape[:2])}. Set data.crop, data.resize or "
                "model.image_shape."
            )
        images, labels = data_sets.load(
            data["name"],
            split,
            data_dir=data_dir,
            image_shape=_shape_in_folder(data, shape) if size else shape,
            value_range=data.get("value_range"),
            kind="images",
            **{key: data.get(key) for key in data_sets.options(data["name"])},
        )
        height, width = resize or images.shape[1:3]
        if crop and (height < crop[0] or width < crop[1]):
            raise ValueError(
                f"The images of {data['name']!r} are {height}x{width}, too small for the crop "
                f"{list(crop)} of the preset."
            )
        if prepared and resize:
            images = resize_images(images, *resize)
        if prepared and crop and split != "train":
            images = crop_middle(images, *crop)
        return images, labels

    def check(self, x) -> None:
        """Raises `ValueError` unless an array holds pictures that the model takes."""
        check_images(x, self.image_shape, self.rescaling, any_size=self.resize is not None)

    def synthetic(self, count: int = 3) -> np.ndarray:
        """Makes prepared pictures of interference rings, in whole numbers: alike everywhere.

        Args:
            count: How many pictures. Defaults to `3`.

        Returns:
            uint8 array `(count, *image_shape)`.
        """
        index, row, column, channel = np.indices((count, *self.image_shape))
        rings = 3 * row * row + 5 * column * column + 7 * row * column
        return ((rings + 50 * channel + 80 * index) % 256).astype("uint8")


def _shape_in_folder(data, image_shape):
    """The shape in which pictures of a folder are read that a preset resizes or crops.

    Those that differ in size come in the one that the preset names.
    """
    if data["name"] in data_sets.names() or not Path(data["name"]).expanduser().is_dir():
        return None
    *size, channels = data_sets.example_shape(data["name"])
    if data.get("resize") or None in size:
        size = data.get("resize") or data["crop"]
    return (*size, channels if image_shape is None else image_shape[2])
