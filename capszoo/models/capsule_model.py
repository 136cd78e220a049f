"""The base class of every model: a functional graph with named outputs, one of them the answer."""

import pathlib
import types
from collections.abc import Callable
from typing import Any
from typing import ClassVar

import keras
import numpy as np

from capszoo import memory
from capszoo.kinds import Text
from capszoo.models import arguments
from capszoo.models import layer_changes
from capszoo.models.answering_model import AnsweringModel
from capszoo.models.inputs import ImageInput
from capszoo.models.inputs import InputEnd
from capszoo.models.kinds import Policy
from capszoo.models.measure import Measure
from capszoo.models.step_counter import StepCounter
from capszoo.validation import unknown_name_error

# What rooms that stand on the models do for them, presets and exports: they put it here.
preset_functions: dict[str, Callable] = {}


class CapsuleModel(AnsweringModel):
    """A functional Keras model of an input end, a body of capsule layers and a task.

    A task is a subclass: it says what the outputs are, which of them is the answer, what labels
    are and what is measured. A family is a subclass of a task: its constructor checks its own
    arguments and hands the others on to the task and, from there, to the input end; its `body`
    makes the graph from the input end's features. Every argument is an attribute from the
    beginning, in `body` too, and stands in the config.

    Attributes:
        task: The name of the task, which presets hold.
        primary_output: Which of the named outputs is the answer: what `predict` gives, what
            loss and metrics are about.
        measures: What the task is judged by, `Measure`s; the first one chooses the epoch.
        code_measures: What is measured of its codes on test examples that have classes, where the
            task learns without. Defaults to none.
        data_fields: What else than a name the `data:` of a preset may hold for the task: maps
            a key to a pair of type and default.
        labeled: Whether the task learns from labels. Defaults to `True`.
        input_end: The class that opens the graph.
        members_argument: Which argument may name presets, whose weights come with them. Defaults to
            `None`.

    Args:
        input_end: What opened the graph.
        outputs: Maps names to symbolic outputs.
        dtype: Dtype or policy of the model; `None` stands for Keras' global policy.
            Defaults to `None`.
        name: Name of the model. Defaults to `None`, the family's.
        trainable: Whether the model's variables are trained. Defaults to `True`.
    """

    task: ClassVar[str]
    measures: ClassVar[tuple[Measure, ...]]
    code_measures: ClassVar[tuple[Measure, ...]] = ()
    data_fields: ClassVar[dict[str, tuple[Any, Any]]] = {}
    labeled: ClassVar[bool] = True
    input_end: ClassVar[type[InputEnd]] = ImageInput
    members_argument: ClassVar[str | None] = None

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = arguments.kept(cls.__init__)

    def __init__(
        self,
        input_end,
        outputs,
        dtype: Policy | None = None,
        name: Text | None = None,
        trainable: bool = True,
    ):
        name = getattr(self, "family", None) if name is None else name
        super().__init__(inputs=input_end.inputs, outputs=outputs, name=name, trainable=trainable)
        memory.count_graph(self)
        if dtype is not None:
            self.dtype_policy = keras.dtype_policies.get(dtype)
        # In namespaces: as attributes they would be layers of this model.
        self._ends = types.SimpleNamespace(input=input_end)
        self._single_outputs = types.SimpleNamespace()
        self.step_counter = StepCounter(name="step_counter")

    # Arguments.

    @classmethod
    def argument_names(cls) -> list[str]:
        """Lists the arguments of this family, those of its task and input end among them.

        Returns:
            List of names.

        Example:

        >>> "conv_filters" in capszoo.models.CapsNet.argument_names()
        True
        """
        return list(arguments.defaults(cls))

    @classmethod
    def check_argument_names(cls, names) -> None:
        """Raises `ValueError` if one of `names` is no argument, with the nearest one."""
        known = arguments.defaults(cls)
        for name in names:
            if name not in known:
                raise unknown_name_error("argument", name, known)

    @classmethod
    def search_arguments(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Makes arguments of what a search chose, as the family's search space names it.

        A hyper-parameter called as an argument is that argument; those that a routing names as
        tunable go with `routing`, where it is the one chosen. The family whose space names others
        overrides this.

        Args:
            values: Maps the names of hyper-parameters to their values.

        Returns:
            Dictionary of arguments.

        Example:

        >>> values = {"class_dim": 8, "routing": "dynamic", "iterations": 2}
        >>> capszoo.models.CapsNet.search_arguments(values)
        {'class_dim': 8, 'routing': {'name': 'dynamic', 'iterations': 2}}
        """
        return arguments.with_routing(values)

    @classmethod
    def search_loss(cls, values: dict[str, Any], loss: dict | None) -> dict | None:
        """Makes the loss of a preset of what a search chose, and takes it out of the values.

        Args:
            values: Maps the names of hyper-parameters to their values.
            loss: The loss there is, `{ClassName: {argument: value}}`, or `None`.

        Returns:
            The loss in the same form.
        """
        return loss

    def open_input(self, given: dict[str, Any], dtype=None):
        """Opens the graph by the arguments of the input end, which are taken out.

        Args:
            given: Arguments by name.
            dtype: Dtype or policy of the model. Defaults to `None`.

        Returns:
            The input end.
        """
        known = arguments.of_function(self.input_end)
        own = {name: given.pop(name) for name in known if name in given}
        input_end = self.input_end(**own, dtype=dtype)
        arguments.keep(self, {**known, **own, **arguments.learnt(input_end)})
        return input_end

    @property
    def example_shape(self) -> tuple[int, ...]:
        """The shape of an example as the body sees it, for pictures the `image_shape`."""
        return getattr(self, self.input_end.shape_argument)

    # What a family answers, and what a task or family may answer differently.

    def body(self, features, dtype):
        """Makes the graph of the family.

        Args:
            features: What the input end gives.
            dtype: Dtype or policy for every layer.

        Returns:
            The ends of the graph that its task asks for.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `body`.")

    def check_data(self, x, y=None) -> None:
        self._ends.input.check(x)

    def to_arrays(self, x, training=False):
        arrays = self._ends.input.to_arrays(x, training)
        if training:
            arguments.keep(self, arguments.learnt(self._ends.input))
        return arrays

    def adapt(self, x) -> None:
        """Learns what the input end has to know: of texts, the vocabulary; else nothing.

        `fit` does so by itself where nothing is known yet.

        Args:
            x: Training examples, as the input end takes them.
        """
        self._ends.input.adapt(x)
        arguments.keep(self, arguments.learnt(self._ends.input))

    def predict_output(
        self, key: str, x, batch_size: int = 32, *, prepared: bool = False
    ) -> np.ndarray:
        """Computes one of the named outputs.

        Args:
            key: The output's name.
            x: Examples, as the input end takes them.
            batch_size: How many examples are computed at a time. Defaults to `32`.
            prepared: Whether the examples come as the body of the model takes them, so that
                nothing is left to prepare. Defaults to `False`.

        Returns:
            NumPy array, one row an example.
        """
        if key not in self.output:
            raise unknown_name_error("output", key, self.output)
        if not prepared:
            x = self.to_arrays(x)
            self._check_arrays(x)
        name = f"{key}_of_prepared" if prepared else key
        if not hasattr(self._single_outputs, name):
            ends = self._ends.input
            inputs = ends.prepared if prepared else ends.inputs
            setattr(self._single_outputs, name, keras.Model(inputs, self.output[key]))
        return getattr(self._single_outputs, name).predict(x, batch_size=batch_size, verbose=0)

    def condense(self, answer: np.ndarray) -> np.ndarray:
        """Gives what of an answer a golden record holds: all of it."""
        return answer

    def synthetic_examples(self, count: int = 3) -> np.ndarray:
        """Makes prepared examples that are alike on every machine, for golden records.

        Args:
            count: How many. Defaults to `3`.

        Returns:
            NumPy array, one row an example.
        """
        return self._ends.input.synthetic(count)

    # Presets: the zoo stands on the models, and says here how it is done.

    @classmethod
    def from_preset(cls, preset: str | pathlib.Path, **kwargs):
        """Loads a model of this family; see `capszoo.load`.

        Args:
            preset: A preset's name, directory, file or address, as `capszoo.load` takes it.
            **kwargs: Arguments of `capszoo.load`.

        Returns:
            The model, with its weights.

        Raises:
            ValueError: If the preset is unknown, broken or of another family.
        """
        return preset_functions["load"](preset, family=cls, **kwargs)

    def save_to_preset(self, directory: str | pathlib.Path, **kwargs) -> None:
        """Saves the model as a preset directory; see `capszoo.zoo.save`.

        Args:
            directory: Where to save; must not exist yet.
            **kwargs: Arguments of `capszoo.zoo.save`.
        """
        preset_functions["save"](self, directory, **kwargs)

    def export(self, file: str | pathlib.Path, **kwargs):
        """Writes the model for another runtime, as `capszoo.export.export` does and says."""
        return preset_functions["export"](self, file, **kwargs)

    def get_config(self):
        policy = self.dtype_policy
        names = self.argument_names()
        config = {name: arguments.serialized(getattr(self, name), policy) for name in names}
        changes = layer_changes.record(self)
        return {
            **config,
            **({"layer_changes": changes} if changes or not self.trainable else {}),
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "name": self.name,
            "trainable": self.trainable,
        }

    @classmethod
    def from_config(cls, config):
        arguments = dict(config)
        changes = arguments.pop("layer_changes", None)
        model = cls(**arguments)
        if changes is not None:
            layer_changes.apply(model, changes)
        return model
