"""A family's search space as a KerasTuner hypermodel."""

import contextlib
import math
import time
from typing import Any

import keras
import keras_tuner

from capszoo.models import get_family
from capszoo.training import TrainingBatches
from capszoo.training.examples import to_restore
from capszoo.training.recipe_objects import make_augmentation
from capszoo.training.recipe_objects import make_corruptions
from capszoo.training.recipe_objects import make_loss
from capszoo.training.recipe_objects import make_optimizer
from capszoo.training.whole_examples import MeasureWhole
from capszoo.tuning.objectives import MeasureTrial
from capszoo.tuning.packages import missing_for_tensorboard
from capszoo.tuning.recipe import base_of
from capszoo.tuning.recipe import check_space
from capszoo.tuning.recipe import make_preset
from capszoo.tuning.size import count_parameters
from capszoo.tuning.space import fit_to_image
from capszoo.tuning.space import override
from capszoo.tuning.space import read_space
from capszoo.validation import check_positive_int
from capszoo.zoo import named_classes
from capszoo.zoo.objects import make_object

FailedTrialError = keras_tuner.errors.FailedTrialError


class _MissingPackageError(keras_tuner.errors.FatalError, ImportError):
    """A package is missing that no trial can do without: ends the search."""


class CapsuleHyperModel(keras_tuner.HyperModel):
    """Builds and trains the models of a family's search space.

    It works in every tuner of KerasTuner. A combination that cannot be built (an image too small
    for the strides) or does not stay finite is a failed trial with its reason. KerasTuner's own
    tuners stop after three failures in a row unless told otherwise:
    `max_consecutive_failed_trials=`.

    Args:
        family: A name of `capszoo.list_models()`.
        image_shape: The shape of an example, for images `(height, width, channels)`.
        num_classes: How many classes there are. Defaults to `None`, for tasks without.
        space: The path of a search space file, or a `SearchSpace`. Defaults to `None`, the
            family's own.
        overrides: Hyper-parameters to fix or to search over another range; see
            `capszoo.tuning.override`. Defaults to `None`.
        max_parameters: Number of parameters above which a trial is declined before its model
            gets memory. Defaults to `None`, no limit.
        base: A `capszoo.zoo.Preset` whose other settings (sizes that are not searched,
            augmentation, normalization) every model has. Defaults to `None`, those of the family.
        seed: Seed of order and augmentation of the training images. Defaults to `0`.

    Raises:
        ValueError: If the family, a hyper-parameter's name or a range is not as it should be.

    Example:

    >>> import keras_tuner
    >>> hypermodel = capszoo.tuning.CapsuleHyperModel("capsnet", (8, 8, 1), num_classes=10)
    >>> model = hypermodel.build(keras_tuner.HyperParameters())
    >>> model.count_params()
    472416
    """

    def __init__(
        self,
        family,
        image_shape,
        num_classes=None,
        space=None,
        overrides=None,
        *,
        max_parameters=None,
        base=None,
        seed=0,
    ):
        super().__init__(name=family)
        image_shape = get_family(family).input_end.check_shape(image_shape)
        if num_classes is not None:
            check_positive_int("num_classes", num_classes)
        if max_parameters is not None:
            check_positive_int("max_parameters", max_parameters)
        if space is None or not hasattr(space, "hyperparameters"):
            space = read_space(family if space is None else space)
        if space.family != family:
            raise ValueError(
                f"The search space is one of the family {space.family!r}, not of {family!r}."
            )
        self.family = family
        self.space = override(fit_to_image(space, image_shape), overrides)
        self.max_parameters = max_parameters
        self.base = base_of(family, base, image_shape, num_classes)
        self.seed = seed
        self.fit_seconds = 0.0
        check_space(self.space, self.base)

    def declare_hyperparameters(self, hp) -> None:
        self.values(hp)

    def values(self, hp) -> dict[str, Any]:
        """The values of the hyper-parameters that count.

        Args:
            hp: A `keras_tuner.HyperParameters`; what it does not hold yet is declared.

        Returns:
            Maps names to values.
        """
        values = {}
        for entry in self.space.hyperparameters:
            with contextlib.ExitStack() as conditions:
                for parent, allowed in entry.when.items():
                    conditions.enter_context(hp.conditional_scope(parent, allowed))
                arguments = entry.model_dump(exclude={"type", "when", "smallest_image"})
                value = getattr(hp, entry.type)(**arguments)
            if value is not None:  # KerasTuner's answer where a condition is not met
                values[entry.name] = value
        return values

    def preset(self, hp, *, name="trial", data="images", epochs=1, train_images=1):
        """Makes the preset that the values stand for; see `capszoo.tuning.recipe.make_preset`.

        Args:
            hp: A `keras_tuner.HyperParameters`.
            name: The preset's name. Defaults to `"trial"`.
            data: Name of the data. Defaults to `"images"`.
            epochs: Number of epochs. Defaults to `1`.
            train_images: How many training images there are. Defaults to `1`.

        Returns:
            A `capszoo.zoo.Preset`.
        """
        return make_preset(
            self.family,
            self.values(hp),
            self.base,
            name=name,
            data=data,
            epochs=epochs,
            train_images=train_images,
            seed=self.seed,
        )

    def build(self, hp):
        """Builds and compiles the model; neither the network nor the disk is touched.

        Args:
            hp: A `keras_tuner.HyperParameters`.

        Returns:
            A `CapsuleClassifier`. The length of its learning-rate schedule is set by `fit`,
            which knows the number of images and epochs.

        Raises:
            keras_tuner.errors.FailedTrialError: If the combination cannot be built or is larger
                than `max_parameters`.
        """
        preset = self.preset(hp)
        try:
            if self.max_parameters is not None:
                self._check_size(preset)
            model = get_family(self.family)(name=self.family, **preset.model)
        except (ValueError, TypeError) as error:
            raise FailedTrialError(f"This combination cannot be built: {error}") from error
        model.compile(
            optimizer=make_optimizer(preset.training.optimizer),
            loss=make_loss(preset.training.loss),
        )
        # Now, not in the first step: see `capszoo.training.released_memory`.
        model.optimizer.build(model.trainable_variables)
        return model

    def fit(
        self,
        hp,
        model,
        images,
        labels,
        validation_data=None,
        epochs=1,
        initial_epoch=0,
        callbacks=(),
        **kwargs,
    ):
        """Trains with the batch size, augmentation and schedule of the hyper-parameters.

        Args:
            hp: A `keras_tuner.HyperParameters`.
            model: What `build(hp)` gave.
            images: Array `(n, height, width, channels)`.
            labels: Array `(n,)` or `(n, classes)`.
            validation_data: Pair of such arrays. Labels, here too, count nothing for a task
                without. Defaults to `None`.
            epochs: Number of the last epoch. Defaults to `1`.
            initial_epoch: How many epochs are done already. Defaults to `0`.
            callbacks: Keras callbacks. Defaults to `()`.
            **kwargs: Arguments of `keras.Model.fit`.

        Returns:
            A Keras `History`; beside losses and metrics it holds `parameters` and
            `seconds_per_step`.

        Raises:
            keras_tuner.errors.FailedTrialError: If the loss does not stay finite.
            ImportError: If TensorBoard is among the callbacks and cannot work.
        """
        check_callbacks(callbacks)
        preset = self.preset(hp, epochs=epochs, train_images=len(images))
        batch_size = preset.training.batch_size
        (optimizer,) = preset.training.optimizer.values()
        if isinstance(optimizer["learning_rate"], dict):
            model.optimizer.learning_rate = make_object(
                "schedule", optimizer["learning_rate"], named_classes.schedules()
            )
        if validation_data is not None and not model.labeled:
            validation_data = to_restore(validation_data[0], preset)
        measuring = [MeasureTrial()]
        if validation_data is not None and model.measured_apart(validation_data[0]):
            measuring.insert(0, MeasureWhole(*validation_data, batch_size))
            validation_data = None
        started = time.perf_counter()
        history = model.fit(
            TrainingBatches(
                images,
                labels if model.labeled else None,
                batch_size,
                make_augmentation(preset.data),
                preset.data.crop,
                self.seed,
                epoch=initial_epoch,
                corruptions=make_corruptions(preset.data),
                input_end=model.input_end,
            ),
            shuffle=False,
            validation_data=validation_data,
            validation_batch_size=batch_size,
            epochs=epochs,
            initial_epoch=initial_epoch,
            callbacks=[*measuring, *callbacks],
            **kwargs,
        )
        self.fit_seconds += time.perf_counter() - started
        for key in ("loss", "val_loss"):
            for epoch, value in enumerate(history.history.get(key, [])):
                if not math.isfinite(value):
                    raise FailedTrialError(
                        f"{key} is {value} after epoch {initial_epoch + epoch + 1}."
                    )
        return history

    def _check_size(self, preset):
        parameters = count_parameters(self.family, preset.model)
        if parameters > self.max_parameters:
            raise FailedTrialError(
                f"The model would have {parameters:,} parameters, more than the "
                f"{self.max_parameters:,} allowed."
            )


def check_callbacks(callbacks):
    """Raises `ImportError` if TensorBoard is among callbacks and cannot work here."""
    if any(isinstance(one, keras.callbacks.TensorBoard) for one in callbacks):
        missing = missing_for_tensorboard()
        if missing:
            raise _MissingPackageError(
                f"Logging to TensorBoard needs {' and '.join(missing)}, on every backend: "
                f"pip install {' '.join(missing)}"
            )
