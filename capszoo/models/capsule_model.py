"""The base class of every model: a functional graph with named outputs, one of them the answer."""

import copy
import inspect
import pathlib
import types
from collections.abc import Callable
from typing import Any
from typing import ClassVar

import keras
import numpy as np

from capszoo import routing as routings
from capszoo.models import arguments
from capszoo.models.arrays import is_array
from capszoo.models.inputs import ImageInput
from capszoo.models.inputs import InputEnd
from capszoo.models.measure import Measure
from capszoo.models.pipelines import first_batch
from capszoo.models.step_counter import StepCounter
from capszoo.routing import Routing
from capszoo.validation import unknown_name_error

# How presets are loaded and saved: the zoo, which stands on the models, puts it here.
preset_functions: dict[str, Callable] = {}


class CapsuleModel(keras.Model):
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
        data_fields: What else than a name the `data:` of a preset may hold for the task: maps
            a key to a pair of type and default.
        input_end: The class that opens the graph.

    Args:
        input_end: What opened the graph.
        outputs: Maps names to symbolic outputs.
        dtype: Dtype or policy of the model; `None` stands for Keras' global policy.
            Defaults to `None`.
        name: Name of the model. Defaults to `None`, the family's.
        trainable: Whether the model's variables are trained. Defaults to `True`.
    """

    task: ClassVar[str]
    primary_output: ClassVar[str]
    measures: ClassVar[tuple[Measure, ...]]
    data_fields: ClassVar[dict[str, tuple[Any, Any]]] = {}
    input_end: ClassVar[type[InputEnd]] = ImageInput

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = arguments.kept(cls.__init__)

    def __init__(self, input_end, outputs, dtype=None, name=None, trainable=True):
        name = getattr(self, "family", None) if name is None else name
        super().__init__(inputs=input_end.inputs, outputs=outputs, name=name, trainable=trainable)
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
        tunable go with `routing`. The family whose space names others overrides this.

        Args:
            values: Maps the names of hyper-parameters to their values.

        Returns:
            Dictionary of arguments.

        Example:

        >>> values = {"class_dim": 8, "routing": "dynamic", "iterations": 2}
        >>> capszoo.models.CapsNet.search_arguments(values)
        {'class_dim': 8, 'routing': {'name': 'dynamic', 'iterations': 2}}
        """
        found = dict(values)
        if "routing" in found:
            tunable = routings.get_class(found["routing"]).tunable_arguments
            chosen = {name: found.pop(name) for name in tunable if name in found}
            found["routing"] = {"name": found["routing"], **chosen}
        return found

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
        arguments.keep(self, {**known, **own})
        return input_end

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

    def default_loss(self):
        """The loss `compile()` takes where none is given."""
        raise NotImplementedError(f"{type(self).__name__} must implement `default_loss`.")

    def default_optimizer(self):
        """The optimizer `compile()` takes where none is given."""
        return keras.optimizers.Adam(learning_rate=1e-3)

    def default_metrics(self):
        """The metrics `compile()` takes where none are given: those of `measures`."""
        raise NotImplementedError(f"{type(self).__name__} must implement `default_metrics`.")

    def check_data(self, x, y=None) -> None:
        """Raises `ValueError` unless arrays are what the model takes.

        Args:
            x: Examples, all or those of a pipeline's first batch.
            y: Their labels. Defaults to `None`.
        """
        self._ends.input.check(x)

    # Training.

    def compile(self, optimizer=None, loss=None, metrics=None, **kwargs) -> None:
        """Configures the model for training; without arguments, as its family is trained.

        Args:
            optimizer: As in `keras.Model.compile`; `None` stands for `default_optimizer()`.
                Defaults to `None`.
            loss: As in `keras.Model.compile`, on the primary output; `None` stands for
                `default_loss()`. Defaults to `None`.
            metrics: As in `keras.Model.compile`, on the primary output; `None` stands for
                `default_metrics()`. Defaults to `None`.
            **kwargs: Other arguments of `keras.Model.compile`.
        """
        optimizer = self.default_optimizer() if optimizer is None else optimizer
        loss = self.default_loss() if loss is None else loss
        metrics = self.default_metrics() if metrics is None else metrics
        # A loss with a schedule reads the steps of this model, not of others it is given to.
        self.step_counter.step.assign(0)
        if getattr(loss, "step", None) is not None:
            loss = copy.copy(loss)
            loss.step = self.step_counter.step
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, **kwargs)

    def compile_from_config(self, config):
        # Keras restores the arguments of an overridden `compile` only where asked to.
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def extra_loss(self, x, y, outputs, sample_weight, training):
        """Gives what a task adds to the loss of its primary output; nothing by itself."""
        return 0.0

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(
            x=x,
            y=y,
            y_pred=y_pred[self.primary_output],
            sample_weight=sample_weight,
            training=training,
        )
        loss = loss + self.extra_loss(x, y, y_pred, sample_weight, training)
        if training:
            self.step_counter.step.assign_add(1)
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred[self.primary_output], sample_weight)

    def predict_step(self, *args):
        outputs = super().predict_step(*args)
        if isinstance(outputs, tuple):  # JAX returns the updated state beside the outputs
            return outputs[0][self.primary_output], *outputs[1:]
        return outputs[self.primary_output]

    # Data.

    def fit(self, x=None, y=None, *args, **kwargs):
        """Trains the model; arguments, data and result as in `keras.Model.fit`.

        Arrays are checked before, and of a pipeline the first batch, which is made once more for
        it. What cannot be seen without taking it out (later batches, PyTorch's
        `IterableDataset`) is not checked: examples of another shape fail in their step, and a
        label that is none makes the loss not a number.
        """
        given = inspect.signature(keras.Model.fit).bind(self, x, y, *args, **kwargs)
        given.arguments["x"] = self._checked(x, y)
        validation = given.arguments.get("validation_data")
        if isinstance(validation, (tuple, list)):
            first, *rest = validation
            validation = (self._checked(first, *rest[:1]), *rest)
        elif validation is not None:
            validation = self._checked(validation)
        if validation is not None:
            given.arguments["validation_data"] = validation
        return super().fit(*given.args[1:], **given.kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """Measures loss and metrics; arguments, data and result as in `keras.Model.evaluate`."""
        return super().evaluate(self._checked(x, y), y, *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        """Computes the primary output.

        Args:
            x: Examples, as the input end takes them, or a pipeline of batches of them.
            *args: Arguments of `keras.Model.predict`.
            **kwargs: Arguments of `keras.Model.predict`.

        Returns:
            NumPy array, one row an example.
        """
        return super().predict(self._checked(x, of_labels=False), *args, **kwargs)

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
        name = f"{key}_of_prepared" if prepared else key
        if not hasattr(self._single_outputs, name):
            ends = self._ends.input
            inputs = ends.prepared if prepared else ends.inputs
            setattr(self._single_outputs, name, keras.Model(inputs, self.output[key]))
        return getattr(self._single_outputs, name).predict(x, batch_size=batch_size, verbose=0)

    def synthetic_examples(self, count: int = 3) -> np.ndarray:
        """Makes prepared examples that are alike on every machine, for golden records.

        Args:
            count: How many. Defaults to `3`.

        Returns:
            NumPy array, one row an example.
        """
        return self._ends.input.synthetic(count)

    def _check_arrays(self, x, y=None):
        if is_array(x):
            self.check_data(x, y)

    def _checked(self, x, y=None, of_labels=True):
        """Checks arrays, or the first batch of a pipeline, and gives them as they were."""
        if x is None or is_array(x):
            self._check_arrays(x, y)
            return x
        batch, x = first_batch(x)
        of_batch = batch if isinstance(batch, (tuple, list)) else (batch,)
        self._check_arrays(*of_batch[: 2 if of_labels else 1])
        return x

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

    def get_config(self):
        config = {name: self._serialize(getattr(self, name)) for name in self.argument_names()}
        return {
            **config,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "name": self.name,
            "trainable": self.trainable,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def _serialize(self, value):
        if isinstance(value, Routing):
            return routings.serialize(value, dtype=self.dtype_policy)
        if not isinstance(value, keras.layers.Layer):
            return value
        config = keras.saving.serialize_keras_object(value)
        # The model builds it, for its own number of classes.
        config.pop("build_config", None)
        if value.dtype_policy == self.dtype_policy:
            del config["config"]["dtype"]
        return config
