"""The KerasTuner tuner that runs our trials, alone or as a chief's worker."""

import json
import os
import pathlib
import time
import traceback

import keras
import keras_tuner

from capszoo.files import write_text
from capszoo.training.released_memory import released_memory

# How long a worker waits before it asks again for a trial that depends on others.
PATIENCE = 1.0


class CapsuleTuner(keras_tuner.Tuner):
    """Runs the trials of an oracle of `capszoo.tuning.oracles`, and leaves nothing behind.

    Each trial's folder also holds `timing.json` and, where it failed, `failure.txt`.

    Args:
        oracle: The oracle.
        hypermodel: A `CapsuleHyperModel`.
        folder: The folder of the trials.
        seed: Seed of the weights of every trial. Defaults to `0`.
    """

    def __init__(self, oracle, hypermodel, folder, seed=0):
        folder = pathlib.Path(folder)
        super().__init__(oracle, hypermodel, directory=str(folder.parent), project_name=folder.name)
        self.seed = seed
        self._waiting = False

    def _populate_initial_space(self):
        # The space is declared whole: no model must be built to find it.
        hp = self.oracle.get_space()
        self.hypermodel.declare_hyperparameters(hp)
        self.oracle.update_space(hp)

    # The oracle holds all there is to save, and whoever has it saves it.

    def _get_tuner_fname(self):
        return os.path.join(self.project_dir, "worker" if self._is_worker() else "oracle.json")

    def save(self):
        if not self._is_worker():
            self.oracle.save()

    def reload(self):
        self.oracle.reload()

    # Trials.

    def pre_create_trial(self):
        if self._waiting:
            time.sleep(PATIENCE)
        self._waiting = True

    def on_trial_begin(self, trial):
        self._waiting = False
        self.started = time.perf_counter()
        self.hypermodel.fit_seconds = 0.0

    def run_trial(self, trial, *args, **kwargs):
        values = trial.hyperparameters.values
        if "tuner/epochs" in values:
            kwargs["epochs"] = values["tuner/epochs"]
            kwargs["initial_epoch"] = values["tuner/initial_epoch"]
        keras.utils.set_random_seed(self.seed)
        return super().run_trial(trial, *args, **kwargs)

    def _build_hypermodel(self, hp):
        model = super()._build_hypermodel(hp)
        if "tuner/trial_id" in hp.values:
            # Hyperband goes on with an earlier trial, with the state of its optimizer.
            model.load_weights(self._get_checkpoint_fname(hp.values["tuner/trial_id"]))
        return model

    def _try_run_and_update_trial(self, trial, *args, **kwargs):
        # KerasTuner's own prints the traceback of a trial that failed.
        try:
            with released_memory():
                self._run_and_update_trial(trial, *args, **kwargs)
            trial.status = "COMPLETED"
        except keras_tuner.errors.FatalError:
            raise
        except Exception as error:
            if type(error).__module__.startswith("grpc"):
                raise  # the chief is gone: that says nothing about the trial
            trial.status = "FAILED"
            trial.message = f"{type(error).__name__}: {error}"
            expected = isinstance(error, keras_tuner.errors.FailedTrialError)
            text = str(error) if expected else f"{trial.message}\n\n{traceback.format_exc()}"
            self._write(trial, "failure.txt", text)

    def on_trial_end(self, trial):
        seconds = time.perf_counter() - self.started
        timing = {
            "seconds": round(seconds, 3),
            "fit_seconds": round(self.hypermodel.fit_seconds, 3),
        }
        self._write(trial, "timing.json", json.dumps(timing))
        super().on_trial_end(trial)

    def _write(self, trial, name, text):
        path = pathlib.Path(self.get_trial_dir(trial.trial_id)) / name
        write_text(path, text)
