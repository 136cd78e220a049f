"""Where a training starts from: the weights of another model, as far as they fit; word vectors."""

import math
import os
from typing import NamedTuple

import keras

from capszoo.models import CapsuleModel
from capszoo.models import load_word_vectors
from capszoo.zoo import load
from capszoo.zoo.sections import Training


class Taken(NamedTuple):
    """How many variables, and numbers in them, were taken, of how many.

    Attributes:
        variables: How many variables were taken.
        of_variables: How many there are.
        parameters: How many numbers were taken.
        of_parameters: How many there are.
    """

    variables: int
    of_variables: int
    parameters: int
    of_parameters: int

    def __str__(self):
        return (
            f"{self.variables} of {self.of_variables} variables "
            f"({self.parameters:,} of {self.of_parameters:,} numbers)"
        )


def initialize(model: CapsuleModel, source: str | os.PathLike) -> Taken:
    """Gives the variables of a model the values of another's, where path and shape agree.

    The other model may be of another family and for another task: a head for other classes stays
    as it is. Where Keras counts up the names of what is inside a layer, the order of its variables
    stands for their path.

    Args:
        model: The model that is going to be trained.
        source: A preset with weights or a run folder, as `capszoo.load` takes it.

    Returns:
        How many were taken.

    Raises:
        ValueError: If no variable agrees, or there is no such preset.

    Example:

    >>> model = capszoo.zoo.build(capszoo.zoo.read_preset("capsnet_digits"))
    >>> taken = capszoo.training.initialization.initialize(model, "capsnet_digits")
    >>> taken.variables == taken.of_variables
    True
    """
    values, own = _variables(load(source)), _variables(model)
    agreeing = {
        key: one
        for key, one in own.items()
        if key in values and tuple(values[key].shape) == tuple(one.shape)
    }
    if not agreeing:
        raise ValueError(
            f"No variable of the {type(model).__name__} agrees in path and shape with one of "
            f"{os.fspath(source)!r}: there is nothing to start from. Expected a model with layers "
            f"of the same names and sizes. Received: layers {sorted({key[0] for key in values})}"
        )
    for key, variable in agreeing.items():
        variable.assign(values[key])
    return Taken(len(agreeing), len(own), _numbers(agreeing), _numbers(own))


def start(model: CapsuleModel, recipe: Training, verbose: str | int) -> None:
    """Initializes a model as its recipe says, and prints what was taken.

    Args:
        model: The model that is going to be trained.
        recipe: The `training:` of a preset: `init_from` is another model, as in `initialize`, and
            `word_vectors` a file, as in `capszoo.models.load_word_vectors`.
        verbose: Whether to print.
    """
    for source, take in (
        (recipe.init_from, initialize),
        (recipe.word_vectors, load_word_vectors),
    ):
        if source is not None:
            taken = take(model, source)
            if verbose:
                print(f"From {source!r}: {taken}")


def _variables(model):
    """The variables of each layer by its name, their order and their own name.

    Whole numbers are left out: the count of steps, and the states of random numbers.
    """
    return {
        (layer.name, index, variable.name): variable
        for layer in model.layers
        for index, variable in enumerate(layer.variables)
        if "float" in keras.backend.standardize_dtype(variable.dtype)
    }


def _numbers(variables):
    return sum(math.prod(variable.shape) for variable in variables.values())
