"""The input end for pictures whose labels are masks."""

from typing import Any
from typing import ClassVar

from capszoo import data as data_sets
from capszoo.kinds import ImageShape
from capszoo.kinds import Positive
from capszoo.kinds import checked
from capszoo.models.arrays import check_finite
from capszoo.models.arrays import check_images
from capszoo.models.inputs.image_input import ImageInput
from capszoo.models.inputs.masks import search_masks
from capszoo.models.kinds import ImageNormalization
from capszoo.models.kinds import Policy
from capszoo.validation import check_image_shape


class MaskedImageInput(ImageInput):
    """Pictures as the input of a model that segments them.

        pictures - rescaling - normalization - features

    Nothing is resized, as the answer has the size of the picture: larger ones go in by windows of
    `image_shape`, see `capszoo.models.CapsuleSegmenter.segment`.

    Args:
        image_shape: `(height, width, channels)` of the pictures, or of the windows.
        rescaling: Factor that takes pixel values to between 0 and 1. Use `1` for pictures
            that are there already. Defaults to `1 / 255`.
        normalization: What follows the rescaling: `None`, `"per_image"` for mean 0 and
            deviation 1 of each picture (or window), or a dictionary of the channels' `mean` and
            `variance`. Defaults to `"per_image"`.
        dtype: Dtype or policy of the model. Defaults to `None`, Keras' global policy.

    Attributes:
        inputs: The symbolic pictures, as they come.
        prepared: The same.
        features: The symbolic pictures, normalized: what the body sees.
        target: The symbolic pictures, rescaled: what reconstructions are compared with.

    Raises:
        ValueError: If a shape or an option is not as said above.

    Example:

    >>> pictures = capszoo.models.inputs.MaskedImageInput((32, 32, 1))
    >>> pictures.inputs.shape, pictures.features.shape
    ((None, 32, 32, 1), (None, 32, 32, 1))
    """

    default_data: ClassVar[str] = "digit_scenes"
    default_limit: ClassVar[tuple[int, ...] | None] = None
    unprepared: ClassVar[dict[str, Any]] = {}

    @checked
    def __init__(
        self,
        image_shape: ImageShape,
        rescaling: Positive = 1 / 255,
        normalization: ImageNormalization | None = "per_image",
        dtype: Policy | None = None,
    ):
        super().__init__(image_shape, rescaling=rescaling, normalization=normalization, dtype=dtype)
        # Where pictures are normalized by themselves, their scale does not count.
        self.any_scale = normalization == "per_image"

    @staticmethod
    def of_data(arguments: dict, data: dict, shape=None) -> dict:
        """Gives the arguments that the data of a preset ask for: none."""
        return {}

    @staticmethod
    def fit(data: dict, limit=None) -> tuple[list[int], dict]:
        """Finds the shape that pictures of other data should have, and adds nothing to the data.

        Args:
            data: The `data:` of a preset, a dictionary.
            limit: Taken as the other input ends take it. Defaults to `None`.

        Returns:
            `(height, width, channels)`, that of the crop where there is one, and an empty
            dictionary.

        Raises:
            ValueError: If the data hold no pictures, or some that differ in size are not cropped.
        """
        shape = data_sets.example_shape(data["name"], kind="masks")
        if data.get("crop"):
            shape = (*data["crop"], shape[-1])
        return list(check_image_shape(shape)), {}

    @staticmethod
    def search_data(values: dict, data: dict) -> dict:
        """Makes the data of a preset of what a search chose; see `search_masks`."""
        return search_masks(values, data)

    @staticmethod
    def load(
        data: dict, split: str, data_dir=None, shape=None, prepared: bool = False
    ) -> tuple[Any, Any]:
        """Loads pictures and masks that the data of a preset name, whole.

        Args:
            data: The `data:` of the preset, a dictionary.
            split: `"train"`, `"validation"` or `"test"`.
            data_dir: Folder of the data sets; see `capszoo.data.load`. Defaults to `None`.
            shape: What the body of a model sees. Defaults to `None`, what there is.
            prepared: Taken as the other input ends take it. Defaults to `False`.

        Returns:
            Array of shape `(n, height, width, channels)` and masks `(n, height, width)`; where the
            preset crops, lists of arrays in true size for other splits than training.

        Raises:
            ValueError: If the sizes do not fit each other.
        """
        crop = data.get("crop")
        if crop and shape is not None and tuple(crop) != tuple(shape[:2]):
            raise ValueError(
                f"The preset crops images to {list(crop)}, but its model takes "
                f"{list(shape[:2])}. Set data.crop or model.image_shape."
            )
        if crop and split != "train":
            # By windows, in true size: nothing is padded to be measured.
            cases = data_sets.load_cases(data["name"], split, data_dir)
            return [case.image for case in cases], [case.mask for case in cases]
        return data_sets.load(
            data["name"],
            split,
            data_dir=data_dir,
            image_shape=None if crop else shape,
            kind="masks",
            **{key: data.get(key) for key in data_sets.options(data["name"])},
        )

    def check(self, x) -> None:
        """Raises `ValueError` unless an array holds pictures that the model takes."""
        check_images(x, self.image_shape, None if self.any_scale else self.rescaling)
        check_finite(x, "images")
