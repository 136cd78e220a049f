"""One line after each trial: how far the search is, the best so far, the time left."""

import time


class Progress:
    """Says after each trial how the search goes.

    Args:
        trials: How many trials there are at most.
        folder: The `SearchFolder`.
        say: Function that is given each line, or `None`.
    """

    def __init__(self, trials, folder, say):
        self.trials = trials
        self.folder = folder
        self.say = say
        self.started = time.perf_counter()
        self.done = 0

    def __call__(self, oracle):
        if self.say is None:
            return
        self.done += 1
        finished = len(oracle.end_order)
        last = oracle.trials[oracle.end_order[-1]]
        if last.status == "COMPLETED":
            outcome = f"{oracle.objective.name} {last.score:.4g}"
        else:
            outcome = f"failed: {self._reason(last)}"
        line = f"Trial {finished} of {self.trials} ({last.trial_id}): {outcome}."
        best = oracle.get_best_trials(1)[0]
        if best.status == "COMPLETED":
            line += f" Best so far {best.score:.4g} ({best.trial_id})."
        left = (time.perf_counter() - self.started) / self.done * (self.trials - finished)
        if finished < self.trials:
            line += f" About {format_seconds(left)} left."
        self.say(line)

    def _reason(self, trial):
        path = self.folder.trials / f"trial_{trial.trial_id}" / "failure.txt"
        reason = path.read_text(encoding="utf-8").splitlines()[0] if path.is_file() else "?"
        return reason.rstrip(".")


def format_seconds(seconds):
    """Formats a time to be read: `"45 s"`, `"12 min"` or `"3.5 h"`.

    Args:
        seconds: The time.

    Returns:
        A string.

    Example:

    >>> capszoo.tuning.progress.format_seconds(700)
    '12 min'
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
