"""From a finished run to a preset of the zoo.

`python -m capszoo.training.publishing RUN... [--float16 | --results-only]` puts the weights, the
results, the golden record and the learning curve of run folders where the presets' files are. With
`--seeds` the runs are of one preset and differ in seed: the first is published, with the figures
of all.
"""

import importlib.util
import os
import pathlib
import shutil
from collections.abc import Sequence
from typing import Annotated
from typing import Any

import typer
import yaml

from capszoo.files import write_text
from capszoo.training.evaluation import evaluate
from capszoo.visualization.learning_curves import learning_curve
from capszoo.zoo import Preset
from capszoo.zoo import find_preset
from capszoo.zoo import golden
from capszoo.zoo import load
from capszoo.zoo import read_preset
from capszoo.zoo import weights as weights_files
from capszoo.zoo.figures import measures_of
from capszoo.zoo.figures import test_figure
from capszoo.zoo.page import CURVE
from capszoo.zoo.schema import preset_schema
from capszoo.zoo.schema import section_of

# What is measured, and stands behind what is chosen.
MEASURED = ("results", "weights", "learnt", "golden")


def publish(
    run: str | os.PathLike,
    *,
    float16: bool = False,
    results_only: bool = False,
    others: Sequence[str | os.PathLike] = (),
    data_dir: str | os.PathLike | None = None,
) -> Preset:
    """Puts what a run measured into the preset's own file, and its weights beside it.

    The rest of the preset's text, with its comments, stays as it is.

    Args:
        run: Folder of a finished run, of a preset with a file of its own.
        float16: Whether the weights are stored in float16. They are then measured again, as they
            are stored. Defaults to `False`.
        results_only: Whether the weights stay where they are, as those of a control may.
            Defaults to `False`.
        others: Folders of finished runs that differ from it in seed alone, whose figures stand
            beside its own, as they were trained. Defaults to none.
        data_dir: Folder of the data sets; see `capszoo.data.load`. Defaults to `None`.

    Returns:
        The `Preset` as published.

    Raises:
        ValueError: If the run is not finished, the preset's recipe is no longer the run's, or
            one of the others has the same seed or another recipe.
    """
    run = pathlib.Path(run)
    trained = read_preset(run)
    if trained.results is None or trained.weights is None:
        raise ValueError(f"The run in {str(run)!r} is not finished.")
    path = find_preset(trained.name)
    described = read_preset(path)
    for section in ("family", "model", "data", "training"):
        made, said = getattr(trained, section), getattr(described, section)
        if section == "training" and said is not None and said.init_from is None:
            # The command in the results says what training started from.
            made = made.model_copy(update={"init_from": None})
        if made != said:
            raise ValueError(
                f"The run in {str(run)!r} was not made by {path}: their `{section}` differs."
            )

    text, results = path.read_text(encoding="utf-8"), trained.results
    if others:
        key = f"test_{measures_of(trained)[0].name}"
        values = [getattr(one.results, key) for one in _of_other_seeds(trained, others)]
        several = {f"seeds_{key}": [getattr(results, key), *values]}
        results = results.model_copy(update=several)
    _write_curve(run / "history.csv", path.with_name(f"{trained.name}{CURVE}"), trained)
    if results_only:
        _write_measured(path, text, {"results": results})
        return read_preset(path)

    file, source = path.with_name(f"{trained.name}.weights.h5"), run / trained.weights.file
    if float16:
        weights_files.write_halved(source, file)
    else:
        shutil.copyfile(source, file)
    stored = weights_files.describe(file, dtype="float16" if float16 else "float32")
    sections: dict[str, Any] = {"results": results, "weights": stored}
    if trained.learnt is not None:
        sections["learnt"] = trained.learnt
    _write_measured(path, text, sections)
    if float16:
        measured = evaluate(path, data_dir=data_dir, verbose=0)
        changes: dict[str, Any] = {}
        for measure in measures_of(trained):
            key = f"test_{measure.name}"
            changes |= {key: measured[measure.name], f"float32_{key}": getattr(results, key)}
        sections["results"] = results.model_copy(update=changes)
    schema, model = section_of(preset_schema(trained.family), "golden"), load(path)
    sections["golden"] = schema(**{model.primary_output: golden.record(model)})
    _write_measured(path, text, sections)
    return read_preset(path)


def _of_other_seeds(trained, folders):
    """Reads the presets of runs; raises `ValueError` unless their seeds alone are others."""
    found, seeds = [], {trained.results.seed}
    for folder in folders:
        one = read_preset(folder)
        if one.results is None:
            raise ValueError(f"The run in {str(folder)!r} is not finished.")
        recipe = one.training.model_copy(update={"seed": trained.training.seed})
        same = (one.name, one.model, one.data, recipe) == (
            *(trained.name, trained.model, trained.data),
            trained.training,
        )
        if not same or one.results.seed in seeds:
            raise ValueError(
                f"Expected the run in {str(folder)!r} to be of {trained.name!r} by the same recipe "
                f"with another seed than {sorted(seeds)}. Received: {one.name!r} with the seed "
                f"{one.results.seed}"
            )
        seeds.add(one.results.seed)
        found.append(one)
    return found


def _write_curve(history, path, preset):
    """Draws the learning curve beside a preset's file; without what it takes there is none."""
    # That of an earlier run would contradict the figures.
    path.unlink(missing_ok=True)
    if history.is_file() and importlib.util.find_spec("matplotlib") is not None:
        path.write_bytes(learning_curve(history, measures_of(preset)[0]))


def _write_measured(path, text, sections):
    """Writes measured sections at the end of a preset's text, in place of those that it has."""
    kept, is_measured = [], False
    for line in text.splitlines():
        if line and not line[0].isspace():
            is_measured = line.partition(":")[0] in MEASURED
        if not is_measured:
            kept.append(line)
    parts = ["\n".join(kept).rstrip()]
    for name, section in sections.items():
        content = section
        if not isinstance(section, dict):
            content = section.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        # The numbers of a golden record stand in rows.
        style = None if name == "golden" else False
        text = yaml.safe_dump(
            {name: content},
            sort_keys=False,
            default_flow_style=style,
            allow_unicode=True,
            width=100,
        )
        parts.append(text.rstrip())
    write_text(path, "\n".join(parts) + "\n")


def main(
    runs: Annotated[list[pathlib.Path], typer.Argument(help="Folders of finished runs.")],
    float16: Annotated[bool, typer.Option("--float16", help="Store half-precision.")] = False,
    results_only: Annotated[bool, typer.Option("--results-only", help="No weights.")] = False,
    seeds: Annotated[
        bool, typer.Option("--seeds", help="Publish the first; the others differ in seed alone.")
    ] = False,
    data_dir: Annotated[pathlib.Path | None, typer.Option(help="Folder of the data sets.")] = None,
):
    """Publish finished runs in the zoo."""
    others = runs[1:] if seeds else []
    for run in runs[:1] if seeds else runs:
        preset = publish(
            run, float16=float16, results_only=results_only, others=others, data_dir=data_dir
        )
        print(f"{preset.name}: {test_figure(preset)}")


if __name__ == "__main__":
    typer.run(main)
