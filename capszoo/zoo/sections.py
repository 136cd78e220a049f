"""The sections of a preset file, each strict: what is not here is refused."""

import re
from typing import Annotated
from typing import Literal

import pydantic

from capszoo.zoo import named_classes
from capszoo.zoo.objects import check_object

PositiveInt = Annotated[int, pydantic.Field(ge=1)]


class Section(pydantic.BaseModel):
    """Part of a preset: unknown keys and wrong types are errors."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True)


class Paper(Section):
    """The paper a preset follows."""

    title: str
    url: str


class Data(Section):
    """The data a preset is trained and measured on; its task and its data set add keys."""

    name: str = pydantic.Field(description="name for capszoo.data.load")
    value_range: Annotated[list[float], pydantic.Field(min_length=2, max_length=2)] | None = (
        pydantic.Field(
            default=None, description="numbers of black and white in an .npz file that is not uint8"
        )
    )
    resize: Annotated[list[PositiveInt], pydantic.Field(min_length=2, max_length=2)] | None = (
        pydantic.Field(default=None, description="height and width of all images, before the crop")
    )
    crop: Annotated[list[PositiveInt], pydantic.Field(min_length=2, max_length=3)] | None = (
        pydantic.Field(
            default=None,
            description="height and width, of volumes and clips three sizes; at random in "
            "training, from the middle elsewhere (images with masks are measured whole)",
        )
    )
    share: Annotated[float, pydantic.Field(gt=0, le=1)] | None = pydantic.Field(
        default=None,
        description="share of the training examples that is trained on, chosen by rule; all",
    )
    augmentation: list[dict] = pydantic.Field(
        default_factory=list,
        description="Keras preprocessing layers of training, {ClassName: {argument: value}}; with "
        "masks RandomAffine and RandomIntensity of capszoo.data.augmentation",
    )


class Training(Section):
    """How a preset is trained."""

    epochs: PositiveInt
    batch_size: PositiveInt
    optimizer: dict = pydantic.Field(
        default_factory=lambda: {"Adam": {"learning_rate": 1e-3}},
        description="Keras optimizer, {ClassName: {argument: value}}",
    )
    loss: dict | None = pydantic.Field(
        default=None, description="loss, {ClassName: {argument: value}}; null: the family's"
    )
    seed: Annotated[int, pydantic.Field(ge=0)] = 0
    init_from: str | None = pydantic.Field(
        default=None,
        description="preset or run folder whose variables training starts from, where they agree "
        "in path and shape",
    )
    word_vectors: str | None = pydantic.Field(
        default=None,
        description="file of word vectors, as GloVe comes, that words of the vocabulary start from",
    )

    @pydantic.field_validator("optimizer", "loss")
    @classmethod
    def _listed_classes(cls, spec, info):
        if info.field_name == "optimizer":
            check_object("optimizer", spec, named_classes.optimizers())
        elif spec is not None:
            check_object("loss", spec, named_classes.loss_classes())
        return spec


class Results(Section):
    """What was measured, and how; the measures of its task come first.

    Where other presets are the members of one, nothing was trained but them: there are no epochs
    and no seed, and the seconds are theirs.
    """

    parameters: PositiveInt
    best_epoch: PositiveInt | None = None
    epochs: PositiveInt | None = None
    seed: int | None = None
    training_seconds: Annotated[float, pydantic.Field(ge=0)]
    command: str
    date: str
    hardware: str
    versions: dict[str, str]


class Published(Section):
    """A figure somebody else has published, with its source."""

    source: str


class Weights(Section):
    """The weights file, beside the preset file."""

    file: str
    sha256: Annotated[str, pydantic.Field(pattern="^[0-9a-f]{64}$")]
    size: PositiveInt = pydantic.Field(description="bytes")
    dtype: Literal["float32", "float16"] = pydantic.Field(
        default="float32", description="in which the file holds them"
    )

    @pydantic.field_validator("file")
    @classmethod
    def _plain_name(cls, file):
        if not re.fullmatch(r"[A-Za-z0-9_.-]+\.weights\.h5", file):
            raise ValueError("must be a plain file name ending in .weights.h5")
        return file


class Golden(Section):
    """What the trained model gives for synthetic examples, under its primary output's name."""
