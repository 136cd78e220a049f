"""A run's folder: what it holds, and how it survives being killed at any moment.

    preset.yaml            the resolved preset; with weights and results once the run is done
    history.csv            one line per epoch
    state.json             the history up to the last finished epoch
    epoch-N.weights.h5     model and optimizer after epoch N: the last, and the best by validation
    model.weights.h5       the best weights without the optimizer, once the run is done
    report.json            what was measured, once the run is done
    README.md              the model card, once the run is done

Every file is written beside its name and then moved onto it, and `state.json` is moved after
the weights it speaks of: they are always complete. A finished run's folder is a preset directory.
"""

import csv
import json
import math
import os
import pathlib
import time

import keras

from capszoo.files import leftovers
from capszoo.files import locked
from capszoo.validation import shown
from capszoo.zoo import read_preset
from capszoo.zoo import weights as weights_files
from capszoo.zoo.presets import PRESET_FILE
from capszoo.zoo.presets import write_preset


class RunFolder:
    """The folder of one training run.

    Args:
        path: The folder.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.report = self.path / "report.json"

    @property
    def history(self):
        """One row per finished epoch, the oldest first."""
        path = self.path / "state.json"
        if not path.is_file():
            return []
        try:
            return json.loads(path.read_text(encoding="utf-8"))["history"]
        except (ValueError, KeyError):
            raise ValueError(f"{path} is damaged; the run cannot be resumed.") from None

    def check_new(self):
        """Makes the folder of a new run; raises `ValueError` if it holds anything already."""
        if self.path.exists() and not (self.path.is_dir() and leftovers(self.path)):
            raise ValueError(
                f"The output folder {str(self.path)!r} is not empty. Go on with the run in it "
                "with --resume (resume=True), or choose another one with --output."
            )
        self.path.mkdir(parents=True, exist_ok=True)

    def check_resumable(self, preset):
        """Raises `ValueError` unless the run here is one of this preset."""
        if not (self.path / PRESET_FILE).is_file():
            raise ValueError(f"There is no run to resume in {str(self.path)!r}.")
        before = _recipe(read_preset(self.path))
        now = _recipe(preset)
        for section, values in now.items():
            if values != before[section]:
                raise ValueError(
                    f"The run in {str(self.path)!r} has another `{section}` than the one asked "
                    "for; only the number of epochs may change. "
                    f"There: {shown(before[section])}. Asked for: {shown(values)}"
                )

    def locked(self):
        """Keeps the folder for this run, until it ends: a context manager."""
        return locked(self.path)

    def begin(self, preset):
        """Writes down what is going to be trained."""
        write_preset(preset, self.path / PRESET_FILE)

    def abandon(self):
        """Leaves the folder as it was before a run that ended before its first epoch did."""
        if not self.history:
            (self.path / PRESET_FILE).unlink(missing_ok=True)

    def restore(self, model):
        """Loads model and optimizer as they were after the last finished epoch."""
        if self.history:
            self._load(model, self.history[-1])

    def restore_best(self, model):
        """Loads model and optimizer as they were after the best epoch by validation."""
        self._load(model, best_epoch(self.history, model.measures[0]))

    def record(self, model, history):
        """Writes down a finished epoch."""
        weights_files.write(model, self._weights(history[-1]))
        self._write("history.csv", lambda file: _write_csv(history, file))
        self._write("state.json", lambda file: json.dump({"history": history}, file, indent=1))
        wanted = {self._weights(history[-1]), self._weights(best_epoch(history, model.measures[0]))}
        for path in self.path.glob("epoch-*.weights.h5"):
            if path not in wanted:
                path.unlink()

    def write_report(self, report):
        """Writes `report.json`."""
        self._write(self.report.name, lambda file: json.dump(report, file, indent=2))

    def _weights(self, row):
        return self.path / f"epoch-{row['epoch']}.weights.h5"

    def _load(self, model, row):
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        model.load_weights(self._weights(row))

    def _write(self, name, write):
        partial = self.path / f"{name}.partial"
        with open(partial, "w", encoding="utf-8", newline="") as file:
            write(file)
        os.replace(partial, self.path / name)


def _recipe(preset):
    """What a resumed run must have in common with the one it goes on with."""
    content = preset.model_dump(include={"name", "family", "model", "data", "training", "learnt"})
    if content["training"] is not None:
        content["training"].pop("epochs")
    return content


def _write_csv(history, file):
    writer = csv.DictWriter(file, fieldnames=list(history[0]))
    writer.writeheader()
    writer.writerows(history)


class RecordEpochs(keras.callbacks.Callback):
    """Records every finished epoch in a run folder, and which was the best by validation.

    The best epoch is that of the best first measure of the model's task; among equals that of
    the lowest validation loss.

    Args:
        folder: A `RunFolder`.
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.history = folder.history

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch + 1, **{key: float(value) for key, value in logs.items()}}
        if not all(map(math.isfinite, row.values())):
            odd = ", ".join(key for key, value in row.items() if not math.isfinite(value))
            raise RuntimeError(
                f"The training has diverged: {odd} of epoch {epoch + 1} is not finite. What was "
                f"there after epoch {epoch} is kept in {str(self.folder.path)!r}. Try a lower "
                "learning rate, or clip the gradients (clipnorm of the optimizer)."
            )
        row["seconds"] = round(time.perf_counter() - self.started, 3)
        self.history.append(row)
        self.folder.record(self.model, self.history)


def best_epoch(history, measure):
    """The row of the best epoch by a measure of validation; among equals, the lowest loss."""
    sign = 1 if measure.direction == "max" else -1
    return max(history, key=lambda row: (sign * row[f"val_{measure.name}"], -row["val_loss"]))
