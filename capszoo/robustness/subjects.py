"""Networks that are measured: a name, what they are made of, one or several runs."""

import dataclasses
import math
import os
from collections.abc import Sequence

from capszoo.robustness.measured import Measured
from capszoo.robustness.standard_errors import mean_and_error
from capszoo.zoo import load
from capszoo.zoo import read_preset


@dataclasses.dataclass
class Subject:
    """One network, or several of one recipe that differ in their seed.

    Attributes:
        name: What it is called, the preset's name.
        data: The name of its data.
        models: The networks, each a `capszoo.models.CapsuleClassifier`.
        content: The `data:` of its preset, a dictionary. Defaults to none.
    """

    name: str
    data: str
    models: list
    content: dict = dataclasses.field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """How many numbers are trained, a decoder aside, which no score depends on."""
        model = self.models[0]
        decoder = getattr(model, "decoder", None)
        own = model.trainable_variables
        apart = [] if decoder is None else decoder.trainable_variables
        return sum(_size(one) for one in own) - sum(_size(one) for one in apart)

    def measured(self, check, strength, amount, shares, images) -> Measured:
        """Makes a `Measured` of the accuracies of all the networks."""
        value, error = mean_and_error(shares, images)
        row = self.of_first(check, strength, amount, "accuracy", value, error, images)
        return dataclasses.replace(row, networks=len(self.models))

    def of_first(self, check, strength, amount, measure, value, error, images) -> Measured:
        """Makes a `Measured` of a figure of the first of the networks."""
        own = self.name, self.data, self.parameters
        return Measured(*own, check, strength, amount, measure, value, error, images, networks=1)


def subjects_of_presets(presets: Sequence[str | os.PathLike], **kwargs) -> list[Subject]:
    """Loads presets and run folders; those of one name are runs of one network.

    Args:
        presets: Names, folders, files or addresses, as `capszoo.load` takes them.
        **kwargs: Arguments of `capszoo.load`.

    Returns:
        List of `Subject`s, in the order in which they come.

    Raises:
        ValueError: If one is not trained, does not classify pictures, or has other data than the
            first.
    """
    found: dict[str, Subject] = {}
    descriptions = [read_preset(preset) for preset in presets]
    for description in descriptions:
        if description.task != "classification" or description.data is None:
            raise ValueError(
                "Expected presets that classify pictures of a data set. "
                f"Received: {description.name}, for the task {description.task!r}"
            )
        first, own = (one.data.model_dump() for one in (descriptions[0], description))
        for key in ("name", "viewpoints"):
            if first.get(key) != own.get(key):
                raise ValueError(
                    "Networks are compared on the same data. Received: "
                    f"{descriptions[0].name} of {_data(first)}, {description.name} of {_data(own)}"
                )
    for preset, description in zip(presets, descriptions, strict=True):
        model = load(preset, **kwargs)
        if model.input_end.unit != "images":
            raise ValueError(
                "Expected presets that classify pictures. Received: "
                f"{description.name}, which takes {model.input_end.unit}"
            )
        content = description.data.model_dump()
        subject = Subject(description.name, description.data.name, [], content)
        found.setdefault(description.name, subject).models.append(model)
    return list(found.values())


def _size(variable):
    return math.prod(variable.shape)


def _data(data):
    views = data.get("viewpoints")
    return f"{data['name']!r} ({views})" if views else repr(data["name"])
