"""The schema of a preset file. Strict: what is not here is refused."""

import contextlib
import functools
from typing import Annotated
from typing import Any
from typing import Literal

import pydantic

from capszoo.data import names as data_names
from capszoo.data.data_set import DATA_SETS
from capszoo.data.data_set import option
from capszoo.models import arguments
from capszoo.models import get_family
from capszoo.models import layer_changes
from capszoo.validation import plain
from capszoo.validation import unknown_name_error
from capszoo.zoo import named_classes
from capszoo.zoo.objects import check_object
from capszoo.zoo.sections import Data
from capszoo.zoo.sections import Golden
from capszoo.zoo.sections import Paper
from capszoo.zoo.sections import PositiveInt
from capszoo.zoo.sections import Published
from capszoo.zoo.sections import Results
from capszoo.zoo.sections import Section
from capszoo.zoo.sections import Training
from capszoo.zoo.sections import Weights

SCHEMA_VERSION: Literal[1] = 1
# Of presets from before there were others.
DEFAULT_TASK = "classification"


class Preset(Section):
    """One preset: a model, its data, recipe, results and weights.

    Attributes:
        schema_version: Version of this schema; `1`.
        name: The preset's name, that of its file.
        family: A name of `capszoo.list_models()`.
        task: What the model is for, that of its family; it decides what `data`, `results`,
            `published` and `golden` may hold.
        description: One line on what it is.
        license: Licence of the weights.
        paper: The paper it follows.
        model: Arguments of the family's class.
        layer_changes: What was done to its layers after they were built: which are frozen,
            quantized or adapted by LoRA, as `capszoo.models.layer_changes.record` says it.
        learnt: Arguments of the model that were learnt from the training examples, as the
            vocabulary of texts; absent until it is trained.
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
    task: str = DEFAULT_TASK
    description: str = ""
    license: str = "Apache-2.0"
    paper: Paper | None = None
    model: dict
    layer_changes: dict[str, dict] | None = None
    learnt: dict | None = None
    data: Any = None
    training: Training | None = None
    published: Any = None
    results: Any = None
    weights: Weights | None = None
    golden: Any = None

    # Where it was read from, for errors: no field, and two that differ in it alone are equal.
    @functools.cached_property
    def where(self) -> str:
        """What it was read from, or else its name."""
        return f"the preset {self.name!r}"

    @property
    def members(self) -> list[str]:
        """The presets that its model is made of, with their weights; of most there are none."""
        argument = get_family(self.family).members_argument
        given = self.model.get(argument, ()) if argument else ()
        return [member for member in given if isinstance(member, str)]

    @property
    def is_trained(self) -> bool:
        """Whether it has weights, or those of its members."""
        return self.weights is not None or bool(self.members)

    @contextlib.contextmanager
    def named_in_errors(self):
        """Has the errors of what is made of the preset name it."""
        try:
            yield
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.where}: {error}") from error

    @pydantic.model_validator(mode="after")
    def _fits_the_family(self):
        family = get_family(self.family)
        if self.task != family.task:
            raise ValueError(
                f"the family {self.family!r} is for the task {family.task!r}: write "
                f"`task: {family.task}`. Received: {self.task!r}"
            )
        # Before anything is made of them: a routing's config may name a class.
        named_classes.check_configs("model", self.model)
        problems = arguments.problems(family, self.model)
        if problems:
            lines = [f"model.{name}: {problem}" for name, problem in problems.items()]
            raise ValueError("\n  ".join(lines))
        _check_learnt(family, self.learnt or {})
        for spec in getattr(self.data, "augmentation", ()):
            check_object("data.augmentation layer", spec, named_classes.augmentations())
        for spec in getattr(self.data, "corruption", ()):
            check_object("data.corruption", spec, named_classes.corruptions())
        named_classes.check_configs("layer_changes", self.layer_changes)
        layer_changes.check(self.layer_changes or {})
        names = getattr(self.data, "class_names", None)
        classes = self.model.get("num_classes")
        if names and classes is not None and len(names) != classes:
            raise ValueError(f"data.class_names holds {len(names)} names for {classes} classes")
        return self


def _check_learnt(family, learnt):
    """Raises `ValueError` unless arguments are what the family's input end may learn."""
    for name in learnt:
        if name not in family.input_end.learnt:
            raise unknown_name_error("key of `learnt`:", name, family.input_end.learnt)
    for name, problem in arguments.problems(family, learnt).items():
        raise ValueError(f"learnt.{name}: {problem}")


def preset_schema(family: str, data_name: str | None = None) -> type[Preset]:
    """Makes the schema of the presets of a family on a data set.

    Args:
        family: A name of `capszoo.list_models()`.
        data_name: The name or path of the data. Defaults to `None`.

    Returns:
        A subclass of `Preset`.

    Raises:
        ValueError: If the family is unknown.

    Example:

    >>> schema = capszoo.zoo.schema.preset_schema("capsnet", "smallnorb")
    >>> "hold_out" in capszoo.zoo.schema.section_of(schema, "data").model_fields
    True
    """
    named = DATA_SETS.get(data_name) if data_name in data_names() else None
    options = tuple(named.options.items()) if named else ()
    return _schema(get_family(family), options)  # type: ignore[arg-type]


@functools.cache  # sections of one form compare equal only if they are of one class
def _schema(cls, options):
    """Makes the schema of the presets of a family's class on data with some options."""
    data_fields = dict(cls.data_fields)
    for key, allowed in options:
        value = Annotated[Literal[allowed], pydantic.BeforeValidator(option)]
        data_fields[key] = (value | None, None)
    published: dict[str, Any] = {}
    results: dict[str, Any] = {}
    for number, measure in enumerate(cls.measures):
        value = Annotated[float, pydantic.Field(ge=measure.lowest, le=measure.highest)]
        results[f"test_{measure.name}"] = (value, ...)
        if number == 0:
            results[f"test_{cls.input_end.unit}"] = (PositiveInt, ...)
            # Of this run and others that differ from it in seed alone.
            several = Annotated[list[value], pydantic.Field(min_length=2)]
            results[f"seeds_test_{measure.name}"] = (several | None, None)
        # Before the weights were stored in float16.
        results[f"float32_test_{measure.name}"] = (value | None, None)
        results[f"validation_{measure.name}"] = (value, ...)
        published[f"test_{measure.name}"] = (value, ...) if number == 0 else (value | None, None)
    for measure in cls.code_measures:
        value = Annotated[float, pydantic.Field(ge=measure.lowest, le=measure.highest)]
        results[f"test_{measure.name}"] = (value | None, None)
    golden = {cls.primary_output: (list, ...)}
    sections = {
        "data": _section(Data, data_fields),
        "published": _section(Published, published),
        "results": _section(Results, results),
        "golden": _section(Golden, golden),
    }
    fields: dict[str, Any] = {key: (section | None, None) for key, section in sections.items()}
    return pydantic.create_model("Preset", __base__=Preset, **fields)


def _section(template, fields):
    """A section with the fields of a template and, after a name, others of its own."""
    known: dict[str, Any] = {
        key: (field.annotation, field) for key, field in template.model_fields.items()
    }
    name = {key: known.pop(key) for key in ("name",) if key in known}
    return pydantic.create_model(
        template.__name__, __base__=Section, __doc__=template.__doc__, **name, **fields, **known
    )


def validate(content: Any, where: object) -> Preset:
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
    _refuse_controls(content, where)
    version = content.get("schema_version", SCHEMA_VERSION)
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ValueError(
            f"{where}: the preset has schema_version {version}, this capszoo reads up to "
            f"{SCHEMA_VERSION}. Upgrade: pip install --upgrade capszoo"
        )
    section, family = content.get("data"), content.get("family")
    schema = Preset
    if isinstance(family, str):
        data_name = section.get("name") if isinstance(section, dict) else None
        try:
            schema = preset_schema(family, data_name if isinstance(data_name, str) else None)
        except ValueError as error:
            raise ValueError(f"{where} is not a valid preset:\n  family: {error}") from None
    try:
        preset = schema.model_validate(content)
    except pydantic.ValidationError as error:
        lines = [_explain(problem, schema) for problem in error.errors()]
        raise ValueError("\n  ".join([f"{where} is not a valid preset:", *lines])) from None
    preset.__dict__["where"] = str(where)
    return preset


def _refuse_controls(value, where, key=""):
    """Raises `ValueError` if a text holds what would move a terminal's cursor, or worse."""
    if isinstance(value, str):
        if not value.replace("\n", "").replace("\t", "").isprintable():
            raise ValueError(
                f"{where} is not a valid preset:\n  {plain(key) or '(the whole file)'}: expected "
                f"printable text. Received: {plain(value)!r}"
            )
    elif isinstance(value, dict):
        for name, item in value.items():
            _refuse_controls(name, where, key)
            _refuse_controls(item, where, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_controls(item, where, f"{key}.{index}")


def _explain(problem, schema):
    key = ".".join(str(part) for part in problem["loc"]) or "(the whole file)"
    if problem["type"] == "extra_forbidden":
        section = schema
        for part in problem["loc"][:-1]:
            section = section_of(section, part)
        message = str(unknown_name_error("key", problem["loc"][-1], section.model_fields))
        return f"{key}: {message}"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("missing", "value_error") and not problem["loc"]:
        return message
    return f"{key}: {message}. Received: {problem['input']!r}"


def section_of(schema, key):
    """The `Section` that a key of a schema holds, or may hold."""
    annotation = schema.model_fields[key].annotation
    candidates = [annotation, *getattr(annotation, "__args__", ())]
    return next(one for one in candidates if isinstance(one, type) and issubclass(one, Section))
