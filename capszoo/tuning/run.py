"""Running a search: alone, as a chief, as a worker, or as all of them on this machine."""

import contextlib
import os
import pathlib
import shutil
import sys
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from capszoo import data as data_sets
from capszoo.models import get_family
from capszoo.models import list_models
from capszoo.tuning.compilations import kept_compilations
from capszoo.tuning.examples import load_examples
from capszoo.tuning.folder import SearchFolder
from capszoo.tuning.hypermodel import CapsuleHyperModel
from capszoo.tuning.hypermodel import check_callbacks
from capszoo.tuning.objectives import metrics_of
from capszoo.tuning.objectives import names_of
from capszoo.tuning.oracles import make_oracle
from capszoo.tuning.packages import require_keras_tuner
from capszoo.tuning.progress import Progress
from capszoo.tuning.report import write_report
from capszoo.tuning.space import read_space
from capszoo.tuning.tuner import CapsuleTuner
from capszoo.tuning.workers import run_workers
from capszoo.validation import check_positive_int
from capszoo.validation import check_seed
from capszoo.validation import unknown_name_error
from capszoo.zoo import list_presets
from capszoo.zoo import read_preset


def search(
    target: str | os.PathLike,
    data: str | os.PathLike | None = None,
    *,
    tuner: str = "hyperband",
    trials: int = 20,
    epochs: int = 10,
    seed: int = 0,
    objective: str | Sequence[str] | None = None,
    space: str | os.PathLike | None = None,
    overrides: dict[str, Any] | None = None,
    max_parameters: int | None = None,
    output: str | os.PathLike | None = None,
    resume: bool = False,
    workers: int | None = None,
    data_dir: str | os.PathLike | None = None,
    callbacks: Sequence[Any] = (),
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any] | None:
    """Searches the hyper-parameters of a family, by its measure on the validation examples.

    The test images are not touched. A search that was killed goes on with `resume=True`; it
    repeats no finished trial. Where KerasTuner's variables KERASTUNER_TUNER_ID,
    KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT are set, this is one of several processes
    that share the search and the output folder: the one with "chief" in its name, or a worker.

    Args:
        target: A family of `capszoo.list_models()`, or a preset (a name, a file or a directory):
            its family, with what is not searched as in the preset.
        data: Name of the data, or a path; see `capszoo.data.load`. Pictures of a folder that
            differ in size become those of the preset, for a family 32 x 32.
            Defaults to `None`, the preset's.
        tuner: `"hyperband"`, `"bayesian"` or `"random"`. Defaults to `"hyperband"`.
        trials: Most trials. Defaults to `20`.
        epochs: Most epochs of a trial; Hyperband gives most trials fewer. Defaults to `10`.
        seed: Seed of the choices, the weights and the order of the images. Defaults to `0`.
        objective: A measure of the task (`"accuracy"`), `"parameters"`, `"step_time"` or a list
            of them; see `capszoo.tuning.objectives.metrics_of`. Defaults to `None`, the task's
            first measure.
        space: The path of a search space file. Defaults to `None`, the family's own.
        overrides: Hyper-parameters to fix or to search over another range; see
            `capszoo.tuning.override`. Defaults to `None`.
        max_parameters: Number of parameters above which a trial is declined.
            Defaults to `None`.
        output: The search's folder. Defaults to `None`, `runs/tune_<target>`.
        resume: Whether to go on with the search in the folder, if there is one.
            Defaults to `False`.
        workers: How many worker processes share the search on this machine.
            Defaults to `None`, this process alone.
        data_dir: Folder of the data sets. Defaults to `None`.
        callbacks: Keras callbacks of every trial; not with `workers`. Defaults to `()`.
        progress: Function that is given a line of text after each trial. Defaults to `None`.

    Returns:
        The report, a dictionary; see `capszoo.tuning.report.write_report`. `None` in a worker.

    Raises:
        ValueError: If an argument is not as it should be, or the folder holds another search.
        ImportError: If a package is missing.
        RuntimeError: If a worker dies again and again.
    """
    require_keras_tuner()
    check_callbacks(callbacks)
    for name, value in (("trials", trials), ("epochs", epochs), ("workers", workers)):
        if name != "workers" or value is not None:
            check_positive_int(name, value)
    check_seed("seed", seed)
    if workers is not None and callbacks:
        raise ValueError("Argument `callbacks` cannot be handed to `workers`, other processes.")
    family, base, data = _resolve(target, data)
    measures = get_family(family).measures
    objectives = metrics_of(objective, measures)
    oracle = make_oracle(tuner, objectives, trials, epochs, seed)
    searched = read_space(space or family)
    shape, (images, labels), validation, added = load_examples(family, base, data, data_dir)
    hypermodel = CapsuleHyperModel(
        family,
        shape,
        len(data_sets.class_names(data, kind=get_family(family).input_end.unit)) or None,
        space=searched,
        overrides=overrides,
        max_parameters=max_parameters,
        base=base,
        seed=seed,
    )
    if added:
        hypermodel.base["data"] = added
    settings = {
        "target": str(target),
        "data": str(data),
        "tuner": tuner,
        "trials": trials,
        "epochs": epochs,
        "seed": seed,
        "objective": names_of(objective, measures),
        "overrides": overrides or {},
        "max_parameters": max_parameters,
        "space": hypermodel.space.model_dump(mode="json", exclude_unset=True),
    }
    folder = SearchFolder(output or pathlib.Path("runs") / f"tune_{pathlib.Path(target).stem}")
    shared = "KERASTUNER_ORACLE_IP" in os.environ
    is_worker = shared and "chief" not in os.environ.get("KERASTUNER_TUNER_ID", "")
    if is_worker:
        folder.wait_for(settings)
    else:
        folder.begin(settings, resume)

    with contextlib.ExitStack() as kept:
        if workers is not None and not shared:
            # The chief keeps the folder meanwhile.
            run_workers(folder, settings, workers, space_file=space, data_dir=data_dir)
        if not is_worker:
            kept.enter_context(folder.locked())
        if workers is None or shared:
            oracle.workers_go_on = shared
            oracle.on_trial_done = Progress(trials, folder, _to(sys.stdout, progress))
            # KerasTuner prints what it reloads, and the conditions of the space it sends.
            with (
                kept_compilations(folder.compiled),
                open(os.devnull, "w") as nowhere,
                contextlib.redirect_stdout(nowhere),
            ):
                CapsuleTuner(oracle, hypermodel, folder.trials, seed).search(
                    images,
                    labels,
                    validation_data=validation,
                    epochs=epochs,
                    callbacks=list(callbacks),
                    verbose=0,
                )
        if is_worker:
            return None
        shutil.rmtree(folder.compiled, ignore_errors=True)
        return write_report(folder, hypermodel, settings, len(images))


def _to(stdout, say):
    """A function that calls another one with the standard output as it is now."""
    if say is None:
        return None

    def say_there(line):
        with contextlib.redirect_stdout(stdout):
            say(line)

    return say_there


def _resolve(target, data):
    """The family a target names, the preset if it is one, and the name of the data."""
    if target in list_models():
        family, base = target, None
    elif isinstance(target, str) and pathlib.Path(target).name == target and not _is_preset(target):
        raise unknown_name_error("family or preset", target, [*list_models(), *list_presets()])
    else:
        base = read_preset(target)
        family = base.family
    if data is None and base is not None and base.data is not None:
        data = base.data.name
    if data is None:
        raise ValueError(f"Say which data to search on: data=... or --data, for {target!r}.")
    return family, base, data


def _is_preset(target):
    return target in list_presets() or pathlib.Path(target).exists()
