"""The input end for volumes: numbers on a grid of three axes, in one channel or several."""

from typing import Any
from typing import ClassVar

import keras
import numpy as np

from capszoo import data as data_sets
from capszoo.kinds import VolumeShape
from capszoo.kinds import checked
from capszoo.layers import VolumeStandardization
from capszoo.models.arrays import check_finite
from capszoo.models.inputs.input_end import InputEnd
from capszoo.models.inputs.masks import search_masks
from capszoo.models.inputs.normalization import normalize
from capszoo.models.kinds import Policy
from capszoo.models.kinds import VolumeNormalization
from capszoo.validation import check_shape


class VolumeInput(InputEnd):
    """Volumes as a model's input.

        volumes - normalization - features

    Args:
        volume_shape: `(depth, height, width, channels)` of the volumes, or of the windows in which
            larger ones go in: how many voxels, and of how many sequences or modalities.
        normalization: `"per_volume"` for mean 0 and deviation 1 of each channel of each volume
            (or window), so that its scale does not count; a dictionary of the channels' `mean`
            and `variance`, so that it does; or `None`. Defaults to `"per_volume"`.
        dtype: Dtype or policy of the model. Defaults to `None`, Keras' global policy.

    Attributes:
        inputs: The symbolic volumes, as they come.
        prepared: The same.
        features: The symbolic volumes, normalized: what the body sees.
        target: The same: what reconstructions are compared with.

    Raises:
        ValueError: If a shape or an option is not as said above.

    Example:

    >>> volumes = capszoo.models.inputs.VolumeInput((48, 64, 48, 1))
    >>> volumes.inputs.shape, volumes.features.shape
    ((None, 48, 64, 48, 1), (None, 48, 64, 48, 1))
    """

    # See `InputEnd`. Volumes come as the body takes them.
    unit: ClassVar[str] = "volumes"
    shape_argument: ClassVar[str] = "volume_shape"
    default_data: ClassVar[str] = "generated_volumes"
    default_limit: ClassVar[tuple[int, ...] | None] = None
    unprepared: ClassVar[dict[str, Any]] = {}

    @checked
    def __init__(
        self,
        volume_shape: VolumeShape,
        normalization: VolumeNormalization | None = "per_volume",
        dtype: Policy | None = None,
    ):
        self.volume_shape = check_shape("volume_shape", volume_shape, rank=3)
        self.inputs = self.prepared = keras.Input(self.volume_shape, name="volumes")
        self.features = self.target = normalize(
            self.inputs, normalization, VolumeStandardization(name="normalization"), dtype
        )

    @staticmethod
    def fit(data: dict, limit=None) -> tuple[list[int], dict]:
        """Finds the shape of volumes that a preset's data name, and adds nothing to the data."""
        shape = data_sets.example_shape(data["name"], kind="masks")
        if data.get("crop"):
            shape = (*data["crop"], shape[-1])
        return list(VolumeInput.check_shape(shape)), {}

    @staticmethod
    def check_shape(shape: Any) -> tuple[int, ...]:
        """Returns a shape as `(depth, height, width, channels)`, or raises `ValueError`."""
        return check_shape("volume_shape", shape, rank=3)

    @staticmethod
    def search_data(values: dict, data: dict) -> dict:
        """Makes the data of a preset of what a search chose; see `search_masks`."""
        return search_masks(values, data)

    @staticmethod
    def load(
        data: dict, split: str, data_dir=None, shape=None, prepared: bool = False
    ) -> tuple[Any, Any]:
        """Loads volumes and masks that the data of a preset name, whole.

        Args:
            data: The `data:` of the preset, a dictionary.
            split: `"train"`, `"validation"` or `"test"`.
            data_dir: Folder of the data sets; see `capszoo.data.load`. Defaults to `None`.
            shape: What the body of a model sees. Defaults to `None`, what there is.
            prepared: Taken as the other input ends take it. Defaults to `False`.

        Returns:
            float32 array of shape `(n, depth, height, width, channels)` and masks
            `(n, depth, height, width)`; where the preset crops, lists of arrays in true size for
            other splits than training.

        Raises:
            ValueError: If the sizes do not fit each other, or the data ask for what is done to
                pictures alone.
        """
        for key in ("resize", "value_range"):
            if data.get(key):
                raise ValueError(f"`data.{key}` is for pictures; volumes come as they are.")
        crop = data.get("crop")
        if crop and shape is not None and tuple(crop) != tuple(shape[:3]):
            raise ValueError(
                f"The preset crops volumes to {list(crop)}, but its model takes "
                f"{list(shape[:3])}. Set data.crop or model.volume_shape."
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
        """Raises `ValueError` unless an array holds volumes that the model takes."""
        shape, expected = tuple(x.shape), self.volume_shape
        if len(shape) != 5 or shape[1:] != expected:
            raise ValueError(
                "Expected volumes of shape (batch, depth, height, width, channels) = "
                f"(batch, {', '.join(map(str, expected))}). Received: volumes of shape {shape}."
                f"{_hint(shape, expected)}"
            )
        if 0 in shape:
            raise ValueError("Expected at least one volume. Received: none (an empty array).")
        check_finite(x, "volumes")

    def synthetic(self, count: int = 3) -> np.ndarray:
        """Makes volumes of interference shells, in whole numbers: alike everywhere.

        Args:
            count: How many volumes. Defaults to `3`.

        Returns:
            float32 array `(count, depth, height, width, channels)`.
        """
        index, layer, row, column, channel = np.indices((count, *self.volume_shape))
        shells = 2 * layer * layer + 3 * row * row + 5 * column * column + 7 * row * column
        return ((shells + 50 * channel + 80 * index) % 256).astype("float32")


def _hint(shape, expected):
    """What the shape of refused volumes may want for."""
    if len(shape) == 4 and expected[3] == 1 and shape[1:] == expected[:3]:
        return " Add the channel axis: volumes[..., None]."
    if shape == expected:
        return " Add the batch axis: volumes[None]."
    if len(shape) == 5 and (*shape[2:], shape[1]) == expected:
        return " Move the channels last: numpy.moveaxis(volumes, 1, -1)."
    if len(shape) == 5 and shape[4] == expected[3]:
        return " Volumes of any size go into `segment`, by windows of this shape."
    if len(shape) == 4 and shape[3] == expected[3]:
        return " Pictures need a model of pictures."
    return ""
