"""The schema of a preset file. Strict: what is not here is refused."""

import inspect
import re
from typing import Annotated
from typing import Literal

import pydantic

from capszoo.models import get_family
from capszoo.validation import unknown_name_error

SCHEMA_VERSION: Literal[1] = 1

PositiveInt = Annotated[int, pydantic.Field(ge=1)]
Fraction = Annotated[float, pydantic.Field(ge=0, le=1)]


class Section(pydantic.BaseModel):
    """Part of a preset: unknown keys and wrong types are errors."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True)


class Paper(Section):
    """The paper a preset follows."""

    title: str
    url: str


class Data(Section):
    """The data a preset is trained and measured on."""

    name: str = pydantic.Field(description="name for capszoo.data.load")
    class_names: list[str] | None = None
    resize: Annotated[list[PositiveInt], pydantic.Field(min_length=2, max_length=2)] | None = (
        pydantic.Field(default=None, description="height and width of all images, before the crop")
    )
    crop: Annotated[list[PositiveInt], pydantic.Field(min_length=2, max_length=2)] | None = (
        pydantic.Field(
            default=None,
            description="height and width; at random in training, from the middle elsewhere",
        )
    )
    hold_out: Literal["object", "tenth"] | None = pydantic.Field(
        default=None,
        description="what of smallNORB is validation: a toy of each class (default), or a tenth",
    )
    augmentation: list[dict] = pydantic.Field(
        default_factory=list,
        description="Keras preprocessing layers of training, {ClassName: {argument: value}}",
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


class Results(Section):
    """What was measured, and how."""

    test_accuracy: Fraction = pydantic.Field(description="of the weights as they are stored")
    test_images: PositiveInt
    float32_test_accuracy: Fraction | None = pydantic.Field(
        default=None, description="before the weights were stored in float16"
    )
    validation_accuracy: Fraction
    parameters: PositiveInt
    best_epoch: PositiveInt
    epochs: PositiveInt
    seed: int
    training_seconds: Annotated[float, pydantic.Field(ge=0)]
    command: str
    date: str
    hardware: str
    versions: dict[str, str]


class Published(Section):
    """A figure somebody else has published, with its source."""

    test_accuracy: Fraction
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
    """What the trained model gives for the images of `capszoo.zoo.golden.synthetic_images`."""

    scores: list[list[float]]


class Preset(Section):
    """One preset: a model, its data, recipe, results and weights.

    Attributes:
        schema_version: Version of this schema; `1`.
        name: The preset's name, that of its file.
        family: A name of `capszoo.list_models()`.
        description: One line on what it is.
        license: Licence of the weights.
        paper: The paper it follows.
        model: Arguments of the family's class.
        data: The data it is trained and measured on.
        training: How it is trained.
        published: Somebody else's figure for the same model and data.
        results: What was measured; absent until it is trained.
        weights: The weights file; absent until it is trained.
        golden: What the trained model must give for synthetic images on every backend.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    name: Annotated[str, pydantic.Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
    family: str
    description: str = ""
    license: str = "Apache-2.0"
    paper: Paper | None = None
    model: dict
    data: Data | None = None
    training: Training | None = None
    published: Published | None = None
    results: Results | None = None
    weights: Weights | None = None
    golden: Golden | None = None

    @pydantic.model_validator(mode="after")
    def _known_model_arguments(self):
        allowed = get_family(self.family).argument_names()
        for argument in self.model:
            if argument not in allowed:
                raise unknown_name_error(f"model argument of {self.family}:", argument, allowed)
        names, classes = self.data and self.data.class_names, self.model.get("num_classes")
        if names and classes is not None and len(names) != classes:
            raise ValueError(f"data.class_names holds {len(names)} names for {classes} classes")
        return self


def validate(content, where):
    """Makes a `Preset` of the content of a preset file.

    Args:
        content: What the YAML file holds.
        where: The file, for the error.

    Returns:
        A `Preset`.

    Raises:
        ValueError: If the content is not valid; it names the file, the key, what is allowed
            and what came.
    """
    if not isinstance(content, dict):
        raise ValueError(f"{where}: expected a mapping of keys to values. Received: {content!r}")
    version = content.get("schema_version", SCHEMA_VERSION)
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ValueError(
            f"{where}: the preset has schema_version {version}, this capszoo reads up to "
            f"{SCHEMA_VERSION}. Upgrade: pip install --upgrade capszoo"
        )
    try:
        return Preset.model_validate(content)
    except pydantic.ValidationError as error:
        lines = [_explain(problem) for problem in error.errors()]
        raise ValueError("\n  ".join([f"{where} is not a valid preset:", *lines])) from None


def _explain(problem):
    key = ".".join(str(part) for part in problem["loc"]) or "(the whole file)"
    if problem["type"] == "extra_forbidden":
        section = Preset
        for part in problem["loc"][:-1]:
            section = _section_of(section.model_fields[part].annotation)
        message = str(unknown_name_error("key", problem["loc"][-1], section.model_fields))
        return f"{key}: {message}"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("missing", "value_error") and not problem["loc"]:
        return message
    return f"{key}: {message}. Received: {problem['input']!r}"


def _section_of(annotation):
    """The `Section` in an annotation such as `Data | None`."""
    candidates = [annotation, *getattr(annotation, "__args__", ())]
    return next(one for one in candidates if inspect.isclass(one) and issubclass(one, Section))
