"""Writes a model on TensorFlow, runs what was written, and only then gives it its name."""

import contextlib
import os
import shutil
import sys
import tempfile
import warnings

import numpy as np

from capszoo.export.exported import Exported
from capszoo.export.exported import compare
from capszoo.export.forms import FORMS
from capszoo.export.forms import check_place
from capszoo.export.forms import missing_runtime
from capszoo.export.graph import input_dtype


def write(model, file: str | os.PathLike, expected: dict[str, np.ndarray]) -> Exported:
    """Writes a model to a file, whole and right or not at all.

    Args:
        model: A `CapsuleModel` that runs on TensorFlow.
        file: The file; its ending says the form.
        expected: What goes in, as `"x"`, and what the model makes of it, by the names of the
            outputs that are written, the primary one first.

    Returns:
        An `Exported`.

    Raises:
        ImportError: If a package that writes the form is missing.
        OSError: If the file cannot be written.
        RuntimeError: If what was written answers otherwise than the model.
        ValueError: If the form lacks what the model needs.
    """
    path = check_place(file)
    form = FORMS[path.suffix]
    x = expected["x"]
    answers = {name: array for name, array in expected.items() if name != "x"}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    _remove(partial)
    missing = missing_runtime(form)
    try:
        with _quiet():
            form.module.write(model, partial, tuple(answers))
            checked = {} if missing else _checked(form, partial, x, answers, path)
        size = sum(one.stat().st_size for one in [partial, *partial.rglob("*")] if one.is_file())
        os.replace(partial, path)
    finally:
        _remove(partial)
    (entry,) = model.inputs
    return Exported(
        file=str(path),
        form=form.name,
        bytes=size,
        inputs={entry.name: _words(input_dtype(model), entry.shape)},
        outputs={name: _words("float32", model.output[name].shape) for name in answers},
        missing=missing,
        **checked,
    )


def _checked(form, partial, x, answers, path):
    primary = next(iter(answers))
    with form.module.opened(partial) as (run, runtime):
        try:
            largest, same = compare(run(x), answers, primary)
            # Any number of examples may come at a time, one above all.
            compare(run(x[:1]), {name: one[:1] for name, one in answers.items()}, primary)
        except RuntimeError as error:
            raise RuntimeError(f"{path} was not written: run by {runtime}, {error}.") from error
    return {
        "examples": len(x),
        "runtime": runtime,
        "largest_difference": largest,
        "same_classes": same,
    }


def _words(dtype, shape):
    sizes = ", ".join("any" if size is None else str(size) for size in shape[1:])
    return f"{dtype} (batch, {sizes})"


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


@contextlib.contextmanager
def _quiet():
    """Keeps what converters write to the terminal, pages of it; their errors say what is wrong."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with tempfile.TemporaryFile() as taken, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            os.dup2(taken.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
