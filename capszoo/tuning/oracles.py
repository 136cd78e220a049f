"""KerasTuner's oracles, whose state survives being killed at any moment.

KerasTuner writes `oracle.json` and each `trial.json` in place, one after the other: killed
between them it repeats a finished trial or loses one, killed within one it cannot be read again.
"""

import json
import os
import pathlib

import keras_tuner
from keras_tuner import oracles

from capszoo.files import write_text
from capszoo.validation import check_choice

# A failed trial says something about its combination, not about the search.
NO_LIMIT = 1_000_000_000


class Durable:
    """What our oracles do otherwise: write whole files, and read them again with care."""

    # Called with the oracle after each trial, where the oracle is: never in a worker.
    on_trial_done = None
    # Whether workers may still be busy with the trials that are not finished.
    workers_go_on = False

    def save(self):
        _write(self._get_oracle_fname(), self.get_state())

    def _save_trial(self, trial):
        _write(os.path.join(self._get_trial_dir(trial.trial_id), "trial.json"), trial.get_state())

    def set_state(self, state):
        super().set_state(state)
        self._were_running = dict(self.ongoing_trials)

    def reload(self):
        super().reload()
        # Written, but killed before the oracle knew of them: they never began.
        self.trials = {key: one for key, one in self.trials.items() if key in self.start_order}
        queued, self._retry_queue = self._retry_queue, []
        for trial_id in dict.fromkeys(queued):
            trial = self.trials[trial_id]
            if trial.status == "RUNNING" and trial.metrics.exists(self.objective.name):
                trial.status = "COMPLETED"
                self.score_trial(trial)
                self._save_trial(trial)
            if trial.status == "RUNNING":
                self._retry_queue.append(trial_id)
            elif trial_id not in self.end_order:
                self.end_order.append(trial_id)
        if self.workers_go_on:
            # A worker that never stopped will end its trial, one that starts anew under its name
            # gets it again.
            for worker, trial in self._were_running.items():
                if trial.trial_id in self._retry_queue:
                    self._retry_queue.remove(trial.trial_id)
                    self.ongoing_trials[worker] = trial
                self.tuner_ids.add(worker)

    def end_trial(self, trial):
        if trial.trial_id in self.end_order:
            # A worker says it again where the chief was killed before it could answer.
            return
        super().end_trial(trial)
        if self.on_trial_done is not None:
            self.on_trial_done(self)


class RandomSearchOracle(Durable, oracles.RandomSearchOracle):
    """Random search."""


class BayesianOptimizationOracle(Durable, oracles.BayesianOptimizationOracle):
    """Bayesian optimization."""


class HyperbandOracle(Durable, oracles.HyperbandOracle):
    """Hyperband, repeated until there are as many trials as asked for."""


TUNERS = ("hyperband", "bayesian", "random")


def make_oracle(tuner, objectives, trials, epochs, seed):
    """Makes the oracle of a search.

    Args:
        tuner: `"hyperband"`, `"bayesian"` or `"random"`.
        objectives: Pairs of a metric and its direction.
        trials: Most trials.
        epochs: Most epochs of a trial.
        seed: Seed of the choices.

    Returns:
        A KerasTuner oracle.

    Raises:
        ValueError: If the tuner is unknown.
    """
    check_choice("tuner", tuner, TUNERS)
    objective = [keras_tuner.Objective(name, direction) for name, direction in objectives]
    common = {
        "objective": objective[0] if len(objective) == 1 else objective,
        # KerasTuner takes a random seed for 0.
        "seed": seed + 1,
        "max_consecutive_failed_trials": NO_LIMIT,
    }
    if tuner == "hyperband":
        oracle = HyperbandOracle(max_epochs=epochs, hyperband_iterations=NO_LIMIT, **common)
        oracle.max_trials = trials
    elif tuner == "bayesian":
        # KerasTuner's own number, three times that of the hyper-parameters, leaves nothing to a
        # search of some dozens of trials.
        points = max(3, trials // 3)
        oracle = BayesianOptimizationOracle(max_trials=trials, num_initial_points=points, **common)
    else:
        oracle = RandomSearchOracle(max_trials=trials, **common)
    oracle.verbose = 0
    return oracle


def _write(path, content):
    write_text(pathlib.Path(path), json.dumps(content))
