"""Measuring every trained preset again, by its own protocol on its own test examples."""

import os
import pathlib
from collections.abc import Iterator
from typing import Any

from capszoo.data.tfds_source import NotPrepared
from capszoo.training.evaluation import evaluate
from capszoo.training.released_memory import released_memory
from capszoo.zoo import find_preset
from capszoo.zoo import golden
from capszoo.zoo import list_presets
from capszoo.zoo import read_preset
from capszoo.zoo.figures import measures_of
from capszoo.zoo.figures import unit_of
from capszoo.zoo.what_is_here import EMBEDDED
from capszoo.zoo.what_is_here import weights_here

# What may become of a preset; the last two are not as they should be.
AGREES, MEASURED, SKIPPED, DISAGREES, FAILED = VERDICTS = (
    "agrees",
    "measured",
    "skipped",
    "disagrees",
    "failed",
)
WRONG = (DISAGREES, FAILED)


def presets_to_measure(pattern: str = "*") -> list[str]:
    """Lists the presets that are trained, in the order in which they are measured.

    Those on data that need no download come first, which are small; then one data set after the
    other, and on each those that are made of other presets last.

    Args:
        pattern: Shell-style pattern of the names. Defaults to `"*"`.

    Returns:
        List of names. A preset of which something is recorded but has no weights is in it, too.

    Raises:
        ValueError: If none is named like that, or a preset's file is not valid.

    Example:

    >>> capszoo.training.table_again.presets_to_measure("capsnet_*")
    ['capsnet_digits', 'capsnet_mnist']
    """
    found = []
    for name in list_presets(pattern):
        preset = read_preset(name)
        if preset.data is not None and (preset.is_trained or preset.results is not None):
            data = preset.data.name
            found.append((data not in EMBEDDED, data, bool(preset.members), name))
    if not found:
        raise ValueError(f"No trained preset is named like {pattern!r}.")
    return [name for *_, name in sorted(found)]


def evaluate_all(
    pattern: str = "*", *, data_dir: str | os.PathLike | None = None
) -> Iterator[dict[str, Any]]:
    """Measures all trained presets again, one after the other, beside what is recorded.

    Each is measured as `capszoo.training.evaluate` does it, on the test examples of its data, and
    the memory is given back behind it, with `keras.utils.clear_session`. One that cannot be
    measured does not keep the others from it.

    Args:
        pattern: Shell-style pattern of the presets' names. Defaults to `"*"`.
        data_dir: Folder of the data sets; see `capszoo.data.load`. Defaults to `None`.

    Yields:
        A dictionary for each preset, as soon as it is known: `preset`, `data`, `measure` (by which
        its task is judged), `measured`, `recorded` and `published` (each `None` where there is no
        such figure), `examples` (how many), `golden_difference`, and `verdict`: `"agrees"`;
        `"measured"`, where nothing is recorded; `"skipped"`, where the weights are not shipped, the
        data set is not there or a package for it is missing; `"disagrees"`, where the figure or
        the golden record is another; `"failed"`. Of the last four `reason` says more.

    Raises:
        ValueError: If no trained preset is named like that.

    Example:

    >>> [row] = capszoo.training.evaluate_all("capsnet_digits")
    >>> row["verdict"], round(row["recorded"], 4)
    ('agrees', 0.9944)
    """
    folder = data_dir or os.environ.get("CAPSZOO_DATA_DIR")
    if folder and not pathlib.Path(folder).expanduser().is_dir():
        raise ValueError(
            f"There is no folder {str(folder)!r}, which data_dir (--data-dir) or CAPSZOO_DATA_DIR "
            "names."
        )
    return (_measured_again(name, data_dir) for name in presets_to_measure(pattern))


def _measured_again(name, data_dir):
    preset = read_preset(name)
    measure = measures_of(preset)[0]
    row = {
        "preset": name,
        "data": preset.data.name,
        "measure": measure.name,
        "measured": None,
        "recorded": getattr(preset.results, f"test_{measure.name}", None),
        "published": getattr(preset.published, f"test_{measure.name}", None),
        "examples": None,
        "golden_difference": None,
    }
    if not preset.is_trained:
        return {**row, "verdict": SKIPPED, "reason": "its weights are not shipped"}
    try:
        if weights_here(preset, find_preset(name)) == "missing":
            return {**row, "verdict": FAILED, "reason": "its weights are not where it says"}
        with released_memory():
            found = evaluate(name, data_dir=data_dir, verbose=0)
    except (FileNotFoundError, ImportError, NotPrepared) as error:
        return {**row, "verdict": SKIPPED, "reason": str(error)}
    except Exception as error:
        # Whatever it is, the presets behind this one are to be measured.
        return {**row, "verdict": FAILED, "reason": f"{type(error).__name__}: {error}"}
    row |= {
        "measured": found[measure.name],
        "examples": found[unit_of(preset)],
        "golden_difference": found["golden_difference"],
    }
    reasons = []
    if found["agrees"] is False:
        reasons.append(f"the {measure.name} is another than the recorded one")
    difference = found["golden_difference"]
    # So written that what is not a number is not within it.
    if difference is not None and not difference <= golden.TOLERANCE:
        reasons.append(f"its output differs from the golden record by {difference:.1e}")
    if reasons:
        return {**row, "verdict": DISAGREES, "reason": "; ".join(reasons)}
    if found["agrees"] is None:
        return {**row, "verdict": MEASURED, "reason": "nothing is recorded"}
    return {**row, "verdict": AGREES, "reason": None}
