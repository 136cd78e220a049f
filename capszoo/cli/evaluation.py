"""The command that measures trained presets again: evaluate."""

import json
import sys
import time
from collections import Counter
from typing import Annotated

import typer

from capszoo import training
from capszoo import zoo
from capszoo.cli.app import DataDirOption
from capszoo.cli.app import JsonOption
from capszoo.cli.app import app
from capszoo.cli.app import finite
from capszoo.cli.app import messages
from capszoo.cli.app import print_json
from capszoo.cli.app import progress
from capszoo.models import get_family
from capszoo.training import table_again
from capszoo.zoo import figures
from capszoo.zoo import golden

# How each verdict is written; what is not as it should be in capitals.
_WORDS = {
    table_again.AGREES: "agrees",
    table_again.MEASURED: "measured",
    table_again.SKIPPED: "skipped",
    table_again.DISAGREES: "DOES NOT AGREE",
    table_again.FAILED: "FAILED",
}


@app.command()
def evaluate(
    preset: Annotated[
        str | None,
        typer.Argument(
            metavar="PRESET",
            help="A preset: name, directory, YAML file or address; with --all a shell-style "
            "pattern of names.",
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="test, validation or train.")] = "test",
    all_presets: Annotated[
        bool, typer.Option("--all", help="All trained presets, on their test examples.")
    ] = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
):
    """Measure a trained preset again and compare with what is recorded.

    With --all every trained preset, a line for each as soon as it is measured (of JSON an object),
    those of small data first. Presets whose data set is not there are skipped. The exit code is 1
    if a figure or a golden record is not what is recorded, or one could not be measured.
    """
    if all_presets:
        if split != "test":
            raise ValueError(f"--all measures on test examples. Received: --split {split}")
        return _evaluate_all(preset or "*", data_dir, as_json)
    if preset is None:
        raise ValueError("Expected a PRESET, or --all.")
    measured = training.evaluate(preset, split=split, data_dir=data_dir, verbose=progress(as_json))
    if as_json:
        return print_json(measured)
    description = zoo.read_preset(preset)
    unit, (measure, *others) = figures.unit_of(description), figures.measures_of(description)
    count = measured[unit]
    found = figures.figure(measure, measured[measure.name], count)
    named = "" if measure.of_examples else f"{measure.name} "
    print(f"{measured['preset']}: {named}{found} of {count} {split} {unit}")
    if measured["recorded"] is not None:
        verdict = "agrees" if measured["agrees"] else "DOES NOT AGREE"
        print(f"recorded: {figures.figure(measure, measured['recorded'])}, {verdict}")
    for other in others:
        print(f"{other.name}: {figures.figure(other, measured[other.name], count)}")
    for one in get_family(description.family).code_measures:
        if one.name in measured:
            print(f"{one.name}: {figures.figure(one, measured[one.name])}")
    if measured["golden_difference"] is not None:
        agrees = measured["golden_difference"] <= golden.TOLERANCE
        verdict = "agree" if agrees else "DO NOT AGREE"
        print(
            f"{get_family(description.family).primary_output} of the golden record: {verdict} "
            f"(largest difference {measured['golden_difference']:.1e})"
        )


def _evaluate_all(pattern, data_dir, as_json):
    names = table_again.presets_to_measure(pattern)
    width, verdicts, started = max(map(len, names)), Counter(), time.monotonic()
    rows = table_again.evaluate_all(pattern, data_dir=data_dir)
    for number, name in enumerate(names, 1):
        minutes = (time.monotonic() - started) / 60
        messages.print(f"{number} of {len(names)}, {minutes:.0f} min: {name}", style="dim")
        row = next(rows)
        verdicts[row["verdict"]] += 1
        # At once, and flushed: an interruption keeps what was measured.
        print(json.dumps(finite(row)) if as_json else _line(row, width), flush=True)
    found = ", ".join(f"{verdicts[one]} {_WORDS[one]}" for one in _WORDS if verdicts[one])
    messages.print(f"Of {len(names)} presets: {found}.")
    if any(verdicts[one] for one in table_again.WRONG):
        sys.exit(1)


def _line(row, width):
    """What was found of a preset, in one line."""
    parts, measure = [], figures.measures_of(zoo.read_preset(row["preset"]))[0]
    if row["measured"] is not None:
        found = figures.figure(measure, row["measured"], row["examples"])
        parts.append(f"{row['measure']} {found}")
    for kind in ("recorded", "published"):
        if row[kind] is not None:
            parts.append(f"{kind} {figures.figure(measure, row[kind])}")
    verdict = _WORDS[row["verdict"]]
    parts.append(f"{verdict}: {' '.join(row['reason'].split())}" if row["reason"] else verdict)
    return f"{row['preset']:<{width}}  {'  '.join(parts)}"
