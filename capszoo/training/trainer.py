"""Training a preset: from its file to trained weights and a report."""

import contextlib
import datetime
import math
import os
import pathlib
from typing import Any

import keras
import numpy as np

from capszoo.device import describe_hardware
from capszoo.device import versions
from capszoo.training.batches import EvaluationBatches
from capszoo.training.batches import TrainingBatches
from capszoo.training.codes import measure_codes
from capszoo.training.distribution import Distribution
from capszoo.training.distribution import all_devices
from capszoo.training.examples import learn
from capszoo.training.examples import load_examples
from capszoo.training.initialization import start
from capszoo.training.recipe_objects import make_augmentation
from capszoo.training.recipe_objects import make_corruptions
from capszoo.training.recipe_objects import make_loss
from capszoo.training.recipe_objects import make_optimizer
from capszoo.training.request import resolve
from capszoo.training.run_folder import RecordEpochs
from capszoo.training.run_folder import RunFolder
from capszoo.training.run_folder import best_epoch
from capszoo.training.whole_examples import validate_with
from capszoo.zoo import Preset
from capszoo.zoo import build
from capszoo.zoo import golden
from capszoo.zoo.figures import unit_of
from capszoo.zoo.saving import write_into
from capszoo.zoo.schema import preset_schema
from capszoo.zoo.schema import section_of


def train(
    preset: str | os.PathLike | Preset,
    *,
    data: str | os.PathLike | None = None,
    epochs: int | None = None,
    settings: dict[str, Any] | None = None,
    seed: int | None = None,
    init_from: str | os.PathLike | None = None,
    data_dir: str | os.PathLike | None = None,
    output: str | os.PathLike | None = None,
    resume: bool = False,
    distribute: bool = False,
    verbose: str | int = "auto",
    command: str | None = None,
) -> dict[str, Any] | None:
    """Trains a preset by its recipe, with plain `model.fit`, and measures it once at the end.

    The epoch is chosen by the task's first measure on validation images; the test images are
    measured once, with the weights of that epoch. The run folder is a preset directory when the
    run is done.

    Args:
        preset: A name of `capszoo.list_presets()`, a preset file or directory, a
            `capszoo.zoo.Preset`, or a family of `capszoo.list_models()`, which is trained as its
            preset for the digits (of signals, for `generated_ecg`).
        data: Name or path of the data, see `capszoo.data.load`, if not the preset's. Number of
            classes and shape of the pictures are then those of the data, where `settings` do not
            say otherwise; pictures larger than the preset's (of a family: than 32 pixels a side)
            are resized. Defaults to `None`.
        epochs: Number of epochs, if not the recipe's. Defaults to `None`.
        settings: Other values for keys of the preset, `{"training.batch_size": 64}`.
            Defaults to `None`.
        seed: Seed of weights, order and augmentation, if not the recipe's. Defaults to
            `None`.
        init_from: A preset with weights or a run folder that training starts from, as far as
            variables agree in path and shape; see `capszoo.training.initialization.initialize`.
            Defaults to `None`, what the recipe says.
        data_dir: Folder of the data sets; see `capszoo.data.load`. Defaults to `None`.
        output: The run folder. Defaults to `None`, `runs/<preset>`.
        resume: Whether to go on after the last finished epoch of the run in `output`.
            Defaults to `False`.
        distribute: Whether to share each batch among all devices: on JAX those that
            `keras.distribution` finds, on TensorFlow those of a `tf.distribute` strategy (of all
            workers where `TF_CONFIG` names them), on PyTorch one per process that `torchrun`
            started. The batch size stays the recipe's, and the loss curve that of one device.
            Every process calls this function alike and sees the same `output`, in which the first
            one writes. Defaults to `False`.
        verbose: As in `keras.Model.fit`. Defaults to `"auto"`.
        command: The command that repeats the run, for the report. Defaults to `None`, this
            call with its changes.

    Returns:
        The report, a dictionary; also written to `report.json`. `None` in all but the first of
        several processes.

    Raises:
        ValueError: If the preset, a setting, the data or the run folder is not as it should
            be, or the devices cannot share a batch.
        OSError: If the run folder cannot be written.

    Example:

    >>> report = capszoo.training.train("capsnet_digits", epochs=1, verbose=0, output="my_run")
    >>> report["test_images"]
    360
    """
    changes: dict[str, Any] = {} if data is None else {"data.name": str(data)}
    changes |= settings or {}
    if epochs is not None:
        changes["training.epochs"] = epochs
    if seed is not None:
        changes["training.seed"] = seed
    if init_from is not None:
        changes["training.init_from"] = os.fspath(init_from)
    resolved: Any
    resolved, taken = resolve(preset, changes)
    resolved = learn(resolved, data_dir)
    recipe = resolved.training
    # Augmentation draws on the same seed by itself, see TrainingBatches.
    keras.utils.set_random_seed(recipe.seed)
    distribution = all_devices() if distribute else Distribution()
    distribution.check_batch_size(recipe.batch_size)
    folder = RunFolder(output or pathlib.Path("runs") / resolved.name)
    folder.check_resumable(resolved) if resume else folder.check_new()
    verbose = verbose if distribution.writes else 0
    if distribute and verbose:
        print(f"Training on {distribution}.")
    if taken and verbose:
        said = ", ".join(f"{key}={value}" for key, value in taken.items())
        print(f"From the data {resolved.data.name!r}: {said}")
    # The folder is for whoever writes in it, one process of one run.
    with folder.locked() if distribution.writes else contextlib.nullcontext():
        with distribution.scope():
            model, images, measured = _fit_and_measure(
                resolved, folder, distribution, data_dir, verbose
            )
        report = None
        if distribution.writes:
            command = command or f"capszoo.training.train({resolved.name!r}, settings={changes!r})"
            where = distribution if distribute else None
            report = _write_results(model, resolved, folder, images, measured, command, where)
        # The others go on, or end, when everything is written.
        distribution.wait()
    return report


def _write_results(model, preset, folder, images, measured, command, distribution):
    """Makes the folder of a run that is done a preset directory with a report; returns the report.

    Args:
        model: The model as after the best epoch.
        preset: The `Preset` as it was resolved.
        folder: The `RunFolder`.
        images: How many test images there were.
        measured: What was measured on them.
        command: The command that repeats the run.
        distribution: The devices that shared each batch; `None` where there was one.
    """
    history = folder.history
    best = best_epoch(history, model.measures[0])
    hardware = describe_hardware()
    names = [measure.name for measure in model.measures]
    of_codes = [measure.name for measure in model.code_measures if measure.name in measured]
    schema = section_of(preset_schema(preset.family), "results")
    results = schema(
        **{f"test_{name}": round(measured[name], 6) for name in names},
        **{f"test_{name}": round(measured[name], 6) for name in of_codes},
        **{f"validation_{name}": round(best[f"val_{name}"], 6) for name in names},
        **{f"test_{unit_of(preset)}": images},
        parameters=model.count_params(),
        best_epoch=best["epoch"],
        epochs=len(history),
        seed=preset.training.seed,
        training_seconds=round(sum(row["seconds"] for row in history), 1),
        command=command,
        date=datetime.date.today().isoformat(),
        hardware=hardware if distribution is None else f"{distribution} ({hardware})",
        versions=versions(),
    )
    golden_record = _golden_record(model, preset, distribution is not None)
    preset = preset.model_copy(update={"results": results, "golden": golden_record})
    write_into(model, preset, folder.path)
    report = {"preset": preset.name, "folder": str(folder.path), **results.model_dump()}
    folder.write_report(report)
    return report


def _golden_record(model, preset, distribute):
    """What the trained model gives for synthetic examples, if every backend would say the same."""
    # A few examples cannot be shared among devices, and in half precision no digits would agree.
    if distribute or model.compute_dtype != "float32":
        return None
    record = golden.record(model)
    if not np.isfinite(record).all():
        return None
    return section_of(preset_schema(preset.family), "golden")(**{model.primary_output: record})


def _fit_and_measure(preset, folder, distribution, data_dir, verbose):
    """Trains what is left to be trained, and measures the best epoch on the test images.

    Returns:
        The model as after that epoch, the number of test images and what was measured.
    """
    recipe = preset.training
    model = build(preset, prepared=True)
    # A wrong name is found before data are loaded.
    with preset.named_in_errors():
        make_optimizer(recipe.optimizer, steps=1)
        loss, augmentation = make_loss(recipe.loss), make_augmentation(preset.data)
        corruptions = make_corruptions(preset.data)
    done = len(folder.history)
    if not done:
        start(model, recipe, verbose)

    # Devices share batches of one shape.
    trimming = model.input_end if distribution.devices == 1 else None

    def load_split(split):
        return load_examples(preset, model, split, data_dir, prepared=True)

    def feed(images, labels):
        return distribution.feed(
            EvaluationBatches(images, labels, recipe.batch_size, distribution.devices, trimming)
        )

    def compile_model(steps):
        model.compile(optimizer=make_optimizer(recipe.optimizer, steps), loss=loss)
        distribution.prepare(model)

    if done < recipe.epochs:
        images, labels = load_split("train")
        distribution.check_images(len(images), recipe.batch_size)
        compile_model(recipe.epochs * math.ceil(len(images) / recipe.batch_size))
        training = distribution.feed(
            TrainingBatches(
                images,
                labels if model.labeled else None,
                recipe.batch_size,
                augmentation,
                preset.data.crop,
                recipe.seed,
                epoch=done,
                corruptions=corruptions,
                input_end=trimming,
            )
        )
        validation = load_split("validation")
        # Measured at the end; that they are there and fit is found now.
        test = load_split("test")
        validating = validate_with(model, validation, recipe.batch_size, feed, distribution)
        # All that can be wrong with the request was found above: the folder is still as it was,
        # for every process to see.
        distribution.wait()
        if distribution.writes:
            folder.begin(preset)
        try:
            folder.restore(model)
            model.fit(
                training.data,
                steps_per_epoch=training.steps,
                shuffle=False,
                epochs=recipe.epochs,
                initial_epoch=done,
                callbacks=[
                    *validating.callbacks,
                    *([RecordEpochs(folder)] if distribution.writes else distribution.callbacks()),
                ],
                verbose=verbose,
                **validating.arguments,
            )
        except Exception:
            # Another recipe may be tried in the same folder; one that was interrupted goes on.
            if distribution.writes:
                folder.abandon()
            raise
        # The last epoch is written down.
        distribution.wait()
    else:
        compile_model(steps=1)
        test = load_split("test")

    folder.restore_best(model)
    if model.measured_apart(test[0]):
        return model, len(test[0]), model.measure(*test, batch_size=recipe.batch_size)
    batches = feed(*test)
    measured = model.evaluate(batches.data, steps=batches.steps, verbose=0, return_dict=True)
    if model.code_measures and distribution.devices == 1:
        measured |= measure_codes(preset, model, data_dir)
    return model, len(test[0]), measured
