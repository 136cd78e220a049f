"""Training a preset: from its file to trained weights and a report."""

import datetime
import pathlib

import keras

from capszoo import data
from capszoo import losses
from capszoo.device import describe_hardware
from capszoo.device import versions
from capszoo.training.batches import EvaluationBatches
from capszoo.training.batches import TrainingBatches
from capszoo.training.distribution import Distribution
from capszoo.training.distribution import all_devices
from capszoo.training.examples import load_examples
from capszoo.training.run_folder import RecordEpochs
from capszoo.training.run_folder import RunFolder
from capszoo.training.run_folder import best_epoch
from capszoo.zoo import Preset
from capszoo.zoo import build
from capszoo.zoo import read_preset
from capszoo.zoo.figures import unit_of
from capszoo.zoo.objects import make_object
from capszoo.zoo.saving import write_into
from capszoo.zoo.schema import preset_schema
from capszoo.zoo.schema import section_of
from capszoo.zoo.schema import validate


def train(
    preset,
    *,
    epochs=None,
    settings=None,
    seed=None,
    data_dir=None,
    output=None,
    resume=False,
    distribute=False,
    verbose="auto",
    command=None,
):
    """Trains a preset by its recipe, with plain `model.fit`, and measures it once at the end.

    The epoch is chosen by the task's first measure on validation images; the test images are
    touched once, with the weights of that epoch. The run folder is a preset directory when the
    run is done.

    Args:
        preset: A name of `capszoo.list_presets()`, a preset file or directory, or a
            `capszoo.zoo.Preset`.
        epochs: Number of epochs, if not the recipe's. Defaults to `None`.
        settings: Other values for keys of the preset, `{"training.batch_size": 64}`.
            Defaults to `None`.
        seed: Seed of weights, order and augmentation, if not the recipe's. Defaults to
            `None`.
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
    changes = dict(settings or {})
    if epochs is not None:
        changes["training.epochs"] = epochs
    if seed is not None:
        changes["training.seed"] = seed
    preset = resolve(preset, changes)
    recipe = preset.training
    # Augmentation draws on the same seed by itself, see TrainingBatches.
    keras.utils.set_random_seed(recipe.seed)
    distribution = all_devices() if distribute else Distribution()
    distribution.check_batch_size(recipe.batch_size)
    folder = RunFolder(output or pathlib.Path("runs") / preset.name)
    folder.check_resumable(preset) if resume else folder.check_new()
    verbose = verbose if distribution.writes else 0
    if distribute and verbose:
        print(f"Training on {distribution}.")
    with distribution.scope():
        model, images, measured = _fit_and_measure(preset, folder, distribution, data_dir, verbose)
    if not distribution.writes:
        distribution.wait()
        return None

    history = folder.history
    best = best_epoch(history, model.measures[0])
    hardware = describe_hardware()
    names = [measure.name for measure in model.measures]
    schema = section_of(preset_schema(preset.family), "results")
    results = schema(
        **{f"test_{name}": round(measured[name], 6) for name in names},
        **{f"validation_{name}": round(best[f"val_{name}"], 6) for name in names},
        **{f"test_{unit_of(preset)}": images},
        parameters=model.count_params(),
        best_epoch=best["epoch"],
        epochs=len(history),
        seed=recipe.seed,
        training_seconds=round(sum(row["seconds"] for row in history), 1),
        command=command or f"capszoo.training.train({preset.name!r}, settings={changes!r})",
        date=datetime.date.today().isoformat(),
        hardware=f"{distribution} ({hardware})" if distribute else hardware,
        versions=versions(),
    )
    preset = preset.model_copy(update={"results": results})
    write_into(model, preset, folder.path)
    report = {"preset": preset.name, "folder": str(folder.path), **results.model_dump()}
    folder.write_report(report)
    # The others go on, or end, when everything is written.
    distribution.wait()
    return report


def _fit_and_measure(preset, folder, distribution, data_dir, verbose):
    """Trains what is left to be trained, and measures the best epoch on the test images.

    Returns:
        The model as after that epoch, the number of test images and what was measured.
    """
    recipe = preset.training
    model = build(preset, prepared=True)
    model.compile(optimizer=make_optimizer(recipe.optimizer), loss=make_loss(recipe.loss))
    distribution.prepare(model)

    def feed_split(split):
        images, labels = load_examples(preset, model, split, data_dir, prepared=True)
        batches = EvaluationBatches(images, labels, recipe.batch_size, distribution.devices)
        return distribution.feed(batches), len(images)

    done = len(folder.history)
    if done < recipe.epochs:
        images, labels = load_examples(preset, model, "train", data_dir, prepared=True)
        distribution.check_images(len(images), recipe.batch_size)
        augmentation = make_augmentation(preset.data)
        training = distribution.feed(
            TrainingBatches(
                images,
                labels,
                recipe.batch_size,
                augmentation,
                preset.data.crop,
                recipe.seed,
                epoch=done,
            )
        )
        validation, _ = feed_split("validation")
        # All that can be wrong with the request was found above: the folder is still as it was,
        # for every process to see.
        distribution.wait()
        if distribution.writes:
            folder.begin(preset)
        folder.restore(model)
        model.fit(
            training.data,
            steps_per_epoch=training.steps,
            shuffle=False,
            validation_data=(validation.data,),
            validation_steps=validation.steps,
            epochs=recipe.epochs,
            initial_epoch=done,
            callbacks=[RecordEpochs(folder)] if distribution.writes else distribution.callbacks(),
            verbose=verbose,
        )
        # The last epoch is written down.
        distribution.wait()

    folder.restore_best(model)
    test, number = feed_split("test")
    measured = model.evaluate(test.data, steps=test.steps, verbose=0, return_dict=True)
    return model, number, measured


def resolve(preset, changes):
    """Reads a preset to be trained and applies changes to dotted keys, under the schema.

    Returns:
        A `Preset` without results and weights: those of the old recipe do not describe it.

    Raises:
        ValueError: If a key is unknown or a value not allowed, or there is nothing to train by.
    """
    if not isinstance(preset, Preset):
        preset = read_preset(preset)
    content = preset.model_dump(mode="json", exclude={"results", "weights"}, exclude_none=True)
    for key, value in changes.items():
        *sections, last = key.split(".")
        target = content
        for section in sections:
            target = target.setdefault(section, {})
            if not isinstance(target, dict):
                raise ValueError(f"Cannot set {key!r}: {section!r} is no section of a preset.")
        target[last] = value
    preset = validate(content, f"preset {preset.name!r} with {changes}" if changes else preset.name)
    names_classes = "class_names" in type(preset.data).model_fields if preset.data else False
    if names_classes and not preset.data.class_names and preset.data.name not in data.names():
        # A user's own images: their classes are known here, and not where the model goes.
        named = preset.data.model_copy(update={"class_names": data.class_names(preset.data.name)})
        preset = preset.model_copy(update={"data": named})
    for section in ("data", "training"):
        if getattr(preset, section) is None:
            raise ValueError(
                f"Preset {preset.name!r} cannot be trained or measured: it has no "
                f"`{section}` section."
            )
    return preset


def make_optimizer(spec):
    """Makes the Keras optimizer, with its schedule, that a preset names."""
    return make_object("optimizer", spec, keras.optimizers, keras.optimizers.schedules)


def make_loss(spec):
    """Makes the loss that a preset names; `None` stays: the family's own."""
    return None if spec is None else make_object("loss", spec, losses, keras.losses)


def make_augmentation(section):
    """Makes the Keras layers that training images go through."""
    return [make_object("augmentation layer", spec, keras.layers) for spec in section.augmentation]
