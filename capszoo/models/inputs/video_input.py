"""The input end for video: clips, sequences of frames of one size."""

import math
from typing import Any
from typing import ClassVar

import keras
import numpy as np

from capszoo import data as data_sets
from capszoo.data.clips import middle_window
from capszoo.data.clips import resize_clips
from capszoo.data.images import fitting_size
from capszoo.data.video_files import own_clips_path
from capszoo.data.video_files import shortest_clip
from capszoo.kinds import ClipShape
from capszoo.kinds import Positive
from capszoo.kinds import Size2D
from capszoo.kinds import checked
from capszoo.layers import ClipPreparation
from capszoo.layers import ImageStandardization
from capszoo.memory import count_activation
from capszoo.models.arrays import check_finite
from capszoo.models.arrays import check_scale
from capszoo.models.arrays import to_numpy
from capszoo.models.inputs.input_end import InputEnd
from capszoo.models.inputs.normalization import normalize
from capszoo.models.kinds import ClipNormalization
from capszoo.models.kinds import Policy
from capszoo.validation import check_clip_shape
from capszoo.validation import check_size

# Frames, height and width of clips that are longer or larger, where nothing else is said.
LARGEST_CLIP = (8, 32, 32)


class VideoInput(InputEnd):
    """Clips as a model's input.

        clips - [resize, window of frames] - rescaling - normalization - features

    Args:
        clip_shape: `(frames, height, width, channels)` of the clips that the body of the model
            sees.
        resize: `(height, width)` to which the frames of clips of any size and length are brought;
            the window of `clip_shape` is then cut out of each clip, in training at random,
            elsewhere from the middle. Defaults to `None`: clips come in `clip_shape`, and others
            are refused.
        rescaling: Factor that takes pixel values to between 0 and 1. Use `1` for clips
            that are there already. Defaults to `1 / 255`.
        normalization: What follows the rescaling: `None`, `"per_clip"` for mean 0 and deviation 1
            of each clip, or a dictionary of the channels' `mean` and `variance`. Defaults to
            `"per_clip"`.
        dtype: Dtype or policy of the model. Defaults to `None`, Keras' global policy.

    Attributes:
        inputs: The symbolic clips, as they come.
        prepared: The symbolic clips in `clip_shape`.
        features: The symbolic clips, normalized: what the body sees.
        places: Where the window begins in each clip: frame, row and column, `(batch, 3)`; `None`
            where none is cut out.

    Raises:
        ValueError: If a shape or an option is not as said above.

    Example:

    >>> clips = capszoo.models.inputs.VideoInput((8, 32, 32, 3), resize=(32, 32))
    >>> clips.inputs.shape, clips.features.shape
    ((None, None, None, None, 3), (None, 8, 32, 32, 3))
    """

    # See `InputEnd`.
    unit: ClassVar[str] = "clips"
    shape_argument: ClassVar[str] = "clip_shape"
    default_data: ClassVar[str] = "moving_digits"
    default_limit: ClassVar[tuple[int, ...] | None] = LARGEST_CLIP
    unprepared: ClassVar[dict[str, Any]] = {"resize": None}
    decodable: ClassVar[bool] = False
    of_pictures: ClassVar[tuple[str, ...]] = ("value_range", "augmentation")

    @checked
    def __init__(
        self,
        clip_shape: ClipShape,
        resize: Size2D | None = None,
        rescaling: Positive = 1 / 255,
        normalization: ClipNormalization | None = "per_clip",
        dtype: Policy | None = None,
    ):
        self.clip_shape = check_clip_shape(clip_shape)
        self.rescaling = rescaling
        *window, channels = self.clip_shape
        self.preparation = self.places = None
        if resize is None:
            self.inputs = self.prepared = keras.Input(self.clip_shape, name="clips")
        else:
            size = check_size("resize", resize, rank=2)
            count_activation("the resized clips", (None, window[0], *size, channels))
            self.inputs = keras.Input((None, None, None, channels), name="clips")
            # Pixel values on another scale than 0 to 255 are no whole numbers.
            levels = 255 if math.isclose(rescaling, 1 / 255, rel_tol=1e-3) else None
            self.preparation = ClipPreparation(size, window, levels=levels, name="preparation")
            self.prepared, self.places = self.preparation(self.inputs)
        rescale = keras.layers.Rescaling(rescaling, dtype=dtype, name="rescaling")
        self.features = normalize(
            rescale(self.prepared),
            normalization,
            ImageStandardization(dtype=dtype, name="normalization"),
            dtype,
        )

    @staticmethod
    def of_data(arguments: dict, data: dict, shape=None) -> dict:
        """Gives the arguments that the data of a preset ask for, so that they go in as they are.

        Args:
            arguments: Arguments of the model, `clip_shape` among them.
            data: The `data:` of the preset, a dictionary; `resize` counts.
            shape: The shape of the examples of its data set. Defaults to `None`, not known.

        Returns:
            Dictionary of arguments.

        Example:

        >>> of_data = capszoo.models.inputs.VideoInput.of_data
        >>> of_data({"clip_shape": (8, 32, 32, 1)}, {}, (10, 40, 40, 1))
        {'resize': (40, 40)}
        """
        resize = data.get("resize") or (shape or arguments["clip_shape"])[1:3]
        return {"resize": tuple(resize)}

    @staticmethod
    def fit(data: dict, limit=None) -> tuple[list[int], dict]:
        """Finds the shape that clips of other data should have, and how the data are brought to it.

        Args:
            data: The `data:` of a preset, a dictionary.
            limit: The shape that larger clips are made to fit in. Defaults to `None`, 8 frames of
                32 x 32.

        Returns:
            `(frames, height, width, channels)`, and the `crop`, and the `resize` if need be, to add
            to the data.

        Example:

        >>> capszoo.models.inputs.VideoInput.fit({"name": "moving_digits"})
        ([8, 32, 32, 1], {'crop': [8, 32, 32]})
        """
        frames: Any
        frames, *size, channels = data_sets.example_shape(data["name"], kind="clips")
        most, *sides = (limit or LARGEST_CLIP)[:3]
        added: dict[str, Any] = {}
        resize, crop = data.get("resize"), data.get("crop")
        if not resize and not crop:
            smaller = fitting_size(tuple(size), tuple(sides))
            if smaller:
                resize = added["resize"] = list(smaller)
        if not crop:
            crop = [min(frames, most), *(resize or size)]
            if crop[0] < frames:
                added["crop"] = crop
        return [*crop, channels], added

    @staticmethod
    def check_shape(shape: Any) -> tuple[int, int, int, int]:
        """Returns a shape as `(frames, height, width, channels)`, or raises `ValueError`."""
        return check_clip_shape(shape)

    @classmethod
    def load(
        cls, data: dict, split: str, data_dir=None, shape=None, prepared: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Loads clips, with labels or masks, that the data of a preset name.

        Args:
            data: The `data:` of the preset, a dictionary.
            split: `"train"`, `"validation"` or `"test"`.
            data_dir: Folder of the data sets; see `capszoo.data.load`. Defaults to `None`.
            shape: What the body of a model sees. Defaults to `None`, what there is. The frames of
                clips of a folder become as large, or as the preset resizes.
            prepared: Whether they come as the body sees them, training clips whole where the
                preset crops, to be cropped batch by batch. Defaults to `False`.

        Returns:
            uint8 array of shape `(n, frames, height, width, channels)`, and labels `(n,)` or masks
            `(n, frames, height, width)`.

        Raises:
            ValueError: If the sizes do not fit each other, or the clips are too short.
        """
        for key in cls.of_pictures:
            if data.get(key):
                raise ValueError(f"`data.{key}` is for pictures; clips are resized and cut alone.")
        resize, crop = data.get("resize"), data.get("crop")
        if crop and (len(crop) != 3 or (shape is not None and tuple(crop) != tuple(shape[:3]))):
            wanted = "frames, height and width" if shape is None else f"{list(shape[:3])}"
            raise ValueError(
                f"The preset crops clips to {list(crop)}, but its model takes {wanted}. Set "
                "data.crop or model.clip_shape."
            )
        size = resize or (None if shape is None else shape[1:3])
        own = data["name"] not in data_sets.names()
        clips, labels = data_sets.load(
            data["name"],
            split,
            data_dir=data_dir,
            image_shape=(*size, shape[3]) if own and size and shape is not None else None,
            kind="clips",
            **{key: data.get(key) for key in data_sets.options(data["name"])},
        )
        if shape is not None and clips.shape[1] < shape[0]:
            path = own_clips_path(data["name"])
            named = f"{path}" if path is None else f"{shortest_clip(path, split)[0]}"
            raise ValueError(
                f"The shortest clip of {split}, {named}, has {clips.shape[1]} frames, and the "
                f"model takes {shape[0]}. Leave out short clips, or set model.clip_shape."
            )
        if prepared and resize:
            clips, labels = resize_clips(clips, labels, *resize)
        if prepared and crop and split != "train":
            clips, labels = middle_window(clips, labels, crop)
        return clips, labels

    def check(self, x) -> None:
        """Raises `ValueError` unless an array holds clips that the model takes."""
        shape, (frames, height, width, channels) = tuple(x.shape), self.clip_shape
        anything = self.preparation is not None
        fits = len(shape) == 5 and shape[4] == channels
        fits = fits and (shape[1] >= frames if anything else shape[1:] == self.clip_shape)
        if not fits:
            sizes = f"at least {frames}, any, any" if anything else f"{frames}, {height}, {width}"
            raise ValueError(
                "Expected clips of shape (batch, frames, height, width, channels) = "
                f"(batch, {sizes}, {channels}). Received: clips of shape {shape}."
                f"{_hint(shape, self.clip_shape)}"
            )
        if 0 in shape:
            raise ValueError("Expected at least one clip. Received: none (an empty array).")
        check_finite(x, "clips")
        check_scale(to_numpy(x[:16]), self.rescaling)

    def synthetic(self, count: int = 3) -> np.ndarray:
        """Makes prepared clips of interference rings that move, in whole numbers: alike everywhere.

        Args:
            count: How many clips. Defaults to `3`.

        Returns:
            uint8 array `(count, *clip_shape)`.
        """
        index, frame, row, column, channel = np.indices((count, *self.clip_shape))
        row, column = row + frame * (index + 1), column - frame
        rings = 3 * row * row + 5 * column * column + 7 * row * column
        return ((rings + 50 * channel + 80 * index) % 256).astype("uint8")


def _hint(shape, expected):
    """What the shape of refused clips may want for."""
    frames, *_, channels = expected
    if len(shape) == 4 and channels == 1 and shape[3] != 1:
        return " Add the channel axis: clips[..., None]."
    if len(shape) == 4:
        return (
            " A single clip wants the batch axis, clips[None]; pictures want a model of pictures."
        )
    if len(shape) != 5:
        return ""
    if shape[4] == channels and shape[1] < frames:
        return f" They are shorter than the window of {frames} frames."
    if shape[4] == channels:
        return " Build the model with resize=(height, width) for clips of any size and length."
    if channels in shape[1:3]:
        return " Move the channels last: numpy.moveaxis(clips, 1, -1)."
    return ""
