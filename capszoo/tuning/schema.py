"""The schema of a search space file, in KerasTuner's own terms. What is not here is refused.

    schema_version: 1
    family: capsnet
    hyperparameters:
      - {name: decoder, type: Boolean, default: true}
      - {name: reconstruction_weight, type: Float, min_value: 1e-5, max_value: 1e-2,
         sampling: log, default: 5e-4, when: {decoder: [true]}}

`when` is KerasTuner's conditional scope: names that stand before, with the values of theirs that
make this hyper-parameter count.
"""

from typing import Annotated
from typing import ClassVar
from typing import Literal

import pydantic

from capszoo.models import get_family
from capszoo.validation import unknown_name_error
from capszoo.zoo.sections import Section


class Entry(Section):
    """What every hyper-parameter has: a name, and when it counts."""

    name: Annotated[str, pydantic.Field(pattern=r"^[a-z][a-z0-9_]*$")]
    when: dict[str, list[bool | int | str]] = pydantic.Field(default_factory=dict)


class Range(Entry):
    """A number between two others, both included."""

    sampling: Literal["linear", "log", "reverse_log"] = "linear"

    @property
    def extremes(self):
        """Both ends of the range."""
        return (self.min_value, self.max_value)

    @pydantic.model_validator(mode="after")
    def _upwards(self):
        low, high = self.min_value, self.max_value
        if low > high:
            raise ValueError(f"the range is upside down: min_value {low} > max_value {high}")
        if self.sampling != "linear" and low <= 0:
            raise ValueError(f"sampling {self.sampling} needs min_value above 0, got {low}")
        if not low <= self.default <= high:
            raise ValueError(f"the default {self.default} is not between {low} and {high}")
        return self


class Int(Range):
    """A whole number."""

    type: Literal["Int"]
    min_value: int
    max_value: int
    step: Annotated[int, pydantic.Field(ge=1)] | None = None
    default: int


class Float(Range):
    """A number."""

    type: Literal["Float"]
    min_value: float
    max_value: float
    step: Annotated[float, pydantic.Field(gt=0)] | None = None
    default: float


class Choice(Entry):
    """One of some strings or whole numbers.

    Numbers with a fraction are no choice: KerasTuner hands them to its workers in single
    precision, where they are no longer among the values.
    """

    type: Literal["Choice"]
    values: Annotated[list[int] | list[str], pydantic.Field(min_length=1)]
    default: int | str
    smallest_image: dict[int | str, int] = pydantic.Field(
        default_factory=dict,
        description="values that are offered only for images of at least that many pixels a side",
    )

    @property
    def extremes(self):
        """Every value."""
        return tuple(self.values)

    @pydantic.model_validator(mode="after")
    def _default_is_a_value(self):
        for value in (self.default, *self.smallest_image):
            if value not in self.values:
                raise ValueError(f"{value!r} is not one of the values {self.values}")
        return self


class Boolean(Entry):
    """Yes or no."""

    type: Literal["Boolean"]
    default: bool
    extremes: ClassVar[tuple[bool, ...]] = (True, False)


class Fixed(Entry):
    """A value that is not searched."""

    type: Literal["Fixed"]
    value: bool | int | float | str

    @property
    def default(self):
        return self.value

    @property
    def extremes(self):
        """The value."""
        return (self.value,)


HyperParameter = Annotated[
    Int | Float | Choice | Boolean | Fixed, pydantic.Field(discriminator="type")
]
TYPES = {cls.__name__: cls for cls in (Int, Float, Choice, Boolean, Fixed)}


class SearchSpace(Section):
    """The search space of a family: what `search_space.yaml` holds.

    Attributes:
        schema_version: Version of this schema; `1`.
        family: A name of `capszoo.list_models()`.
        hyperparameters: Its entries, parents before those that depend on them.
    """

    schema_version: Literal[1] = 1
    family: str
    hyperparameters: Annotated[list[HyperParameter], pydantic.Field(min_length=1)]

    @pydantic.model_validator(mode="after")
    def _consistent(self):
        get_family(self.family)
        known = {}
        for entry in self.hyperparameters:
            if entry.name in known:
                raise ValueError(f"{entry.name} stands twice")
            for parent, values in entry.when.items():
                if parent not in known:
                    raise unknown_name_error(
                        f"hyper-parameter in {entry.name}.when:", parent, known
                    )
                if not values:
                    raise ValueError(f"{entry.name}.when.{parent} lists no value")
            known[entry.name] = entry
        return self

    def defaults(self, chosen=None):
        """Maps the name of every hyper-parameter that counts to its default.

        Args:
            chosen: Maps names to values that take a default's place. Defaults to `None`.
        """
        values = {}
        for entry in self.hyperparameters:
            if all(values.get(parent) in allowed for parent, allowed in entry.when.items()):
                values[entry.name] = (chosen or {}).get(entry.name, entry.default)
        return values
