"""A model of several named outputs, one of which is the answer that it is trained for."""

import contextlib
import copy
import functools
import inspect
import numbers
from typing import ClassVar

import keras
import numpy as np

from capszoo.models import one_answer
from capszoo.models.arrays import is_array
from capszoo.models.pipelines import first_batch
from capszoo.models.step_counter import StepCounter


class AnsweringModel(keras.Model):
    """A functional Keras model whose outputs are a dictionary, trained for one of them.

    Loss and metrics are about that one, and `predict` gives it; what else a task wants of its
    outputs it adds to the loss. Data are checked before any work is done.

    Attributes:
        primary_output: Which of the named outputs is the answer.
        step_counter: A `StepCounter`; whoever completes the graph makes it.
    """

    primary_output: ClassVar[str]
    step_counter: StepCounter

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

    def to_arrays(self, x, training=False):
        """Makes arrays of examples that are none yet; gives back what needs no making.

        Args:
            x: Examples, or a pipeline of batches.
            training: Whether the model is going to be trained on them. Defaults to `False`.
        """
        return x

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
        one_answer.check_compile(self.primary_output, loss, metrics, kwargs.get("loss_weights"))
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

        Arrays are checked before any step, and of a pipeline the first batch, which is made once
        more for it. Later batches of generators and of a `keras.utils.PyDataset` are checked as
        they come, unless other processes make them (`use_multiprocessing`) or several are taken at
        a time (`steps_per_execution`).

        What is not checked: later batches of a `tf.data.Dataset` and of PyTorch's `DataLoader`,
        whatever an `IterableDataset` gives, and those just excepted. There examples of another
        shape fail in their step, a label that is none makes the loss not a number, and pixel
        values on another scale than in the first batch go unnoticed.
        """
        given = inspect.signature(keras.Model.fit).bind(self, x, y, *args, **kwargs)
        y = given.arguments["y"] = _as_labels(y)
        given.arguments["x"] = self._checked(x, y, training=True)
        validation = given.arguments.get("validation_data")
        if isinstance(validation, (tuple, list)):
            first, *rest = validation
            rest[:1] = map(_as_labels, rest[:1])
            validation = (self._checked(first, *rest[:1]), *rest)
        elif validation is not None:
            validation = self._checked(validation)
        if validation is not None:
            given.arguments["validation_data"] = validation
        return super().fit(*given.args[1:], **given.kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """Measures loss and metrics; arguments, data and result as in `keras.Model.evaluate`."""
        y = _as_labels(y)
        x = self._checked(x, y)
        with self._values_kept():
            return super().evaluate(x, y, *args, **kwargs)

    # Measuring whole examples: what a task may do in another way.

    def measured_apart(self, x) -> bool:
        """Tells whether examples are such as `measure` takes and `evaluate` does not."""
        return False

    def check_whole(self, x, y=None) -> None:
        """Raises `ValueError` unless examples, with labels, are what `measure` takes."""
        self.check_data(x, y)

    def measure(self, x, y, batch_size: int = 32, verbose: int | str = 0) -> dict:
        """Measures loss and metrics on whole examples, of which the graph may take parts.

        Args:
            x: Examples.
            y: Their labels.
            batch_size: How many are computed at a time. Defaults to `32`.
            verbose: As in `keras.Model.evaluate`. Defaults to `0`.

        Returns:
            Dictionary of the loss and the task's measures by name.
        """
        return self.evaluate(x, y, batch_size=batch_size, verbose=verbose, return_dict=True)

    def predict(self, x, *args, **kwargs):
        """Computes the primary output.

        Args:
            x: Examples, as the input end takes them, or a pipeline of batches of them.
            *args: Arguments of `keras.Model.predict`.
            **kwargs: Arguments of `keras.Model.predict`.

        Returns:
            NumPy array, one row an example.
        """
        x = self._checked(x, of_labels=False)
        with self._values_kept():
            return super().predict(x, *args, **kwargs)

    def train_on_batch(self, x, y=None, *args, **kwargs):
        """Trains on one batch, checked before; as `keras.Model.train_on_batch`."""
        return super().train_on_batch(self._checked(x, y, training=True), y, *args, **kwargs)

    def test_on_batch(self, x, y=None, *args, **kwargs):
        """Measures one batch, checked before; as `keras.Model.test_on_batch`."""
        return super().test_on_batch(self._checked(x, y), y, *args, **kwargs)

    def predict_on_batch(self, x):
        """Computes the primary output of one batch, checked before, as `predict` does."""
        return super().predict_on_batch(self._checked(x, of_labels=False))

    def _check_arrays(self, x, y=None):
        if is_array(x):
            self.check_data(x, y)

    def _checked(self, x, y=None, of_labels=True, training=False):
        """Checks examples, or the first batch of a pipeline, and gives them as arrays."""
        one_answer.check_data(x, y, self.primary_output)
        x = self.to_arrays(x, training)
        if x is None or is_array(x):
            self._check_arrays(x, y)
            return x
        check = functools.partial(self._check_batch, of_labels=of_labels)
        # With several steps at a time, a batch may be refused before the first of them is done:
        # on JAX the model would have no values left.
        one_by_one = getattr(self, "steps_per_execution", 1) == 1
        batch, x = first_batch(x, check if one_by_one else None)
        check(batch)
        return x

    @contextlib.contextmanager
    def _values_kept(self):
        """Gives a model its values back where a batch raises: on JAX, Keras takes them away.

        Keras' `fit` does so itself.
        """
        try:
            yield
        except Exception:
            if hasattr(self, "jax_state_sync"):
                self.jax_state_sync()
            raise

    def _check_batch(self, batch, of_labels):
        of_batch = batch if isinstance(batch, (tuple, list)) else (batch,)
        seen = of_batch[: 2 if of_labels else 1]
        one_answer.check_data(seen[0], *(seen[1:] or (None,)), self.primary_output)
        self._check_arrays(*seen)


def _as_labels(y):
    """A list of numbers as an array; Keras would take each for a target of its own."""
    if isinstance(y, list) and y and all(isinstance(one, numbers.Number) for one in y):
        return np.array(y)
    return y
