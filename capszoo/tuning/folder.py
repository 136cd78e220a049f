"""A search's folder: what it holds, and how it is told from the folder of another search.

search.json       what is searched for, and how
trials/           KerasTuner's own: oracle.json and a folder per trial
best.yaml         the best trial as a preset that `capszoo train` trains
trials.csv        one line per trial
*.png             plots of the search
chief.log, worker-N.log    where it ran with workers
compiled/         what JAX compiled, until the search is done
"""

import json
import pathlib
import time

from capszoo.files import leftovers
from capszoo.files import locked
from capszoo.files import write_text

SEARCH_FILE = "search.json"
SECONDS_TO_WAIT = 600


class SearchFolder:
    """The folder of one search.

    Args:
        path: The folder.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.trials = self.path / "trials"
        self.compiled = self.path / "compiled"

    def settings(self):
        """What the search here was asked for; `None` if there is no search."""
        try:
            return json.loads((self.path / SEARCH_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def begin(self, settings, resume):
        """Makes the folder of a new search, or checks that the search here is the one asked for.

        Args:
            settings: What the search is asked for; a dictionary of plain data.
            resume: Whether to go on with a search that is here.

        Raises:
            ValueError: If the folder holds anything and `resume` is false, or another search.
        """
        there = self.settings()
        occupied = self.path.exists() and not self._is_free(there)
        if occupied and not (resume and there):
            holds = "is not empty" if there is None else f"holds the search {_describe(there)}"
            raise ValueError(
                f"The output folder {str(self.path)!r} {holds}. Go on with a search in its "
                "folder with --resume (resume=True), or choose another folder with --output."
            )
        if there is not None:
            self._check_same(there, settings)
        self.trials.mkdir(parents=True, exist_ok=True)
        write_text(self.path / SEARCH_FILE, json.dumps(settings, indent=2))

    def _is_free(self, settings):
        """Whether nothing is in the folder but what a search leaves that never began."""
        if settings is not None or not self.path.is_dir():
            return False
        if self.trials.is_dir() and not any(self.trials.iterdir()):
            self.trials.rmdir()
        return leftovers(self.path)

    def locked(self):
        """Keeps the folder for this search, until it ends: a context manager."""
        return locked(self.path)

    def wait_for(self, settings):
        """Waits until the chief has made the folder, and checks that it is the same search.

        Args:
            settings: What this worker was asked for.

        Raises:
            ValueError: If the chief was asked for another search.
            RuntimeError: If there is no chief.
        """
        for _ in range(SECONDS_TO_WAIT):
            if (there := self.settings()) is not None:
                return self._check_same(there, settings)
            time.sleep(1)
        raise RuntimeError(
            f"No chief has begun a search in {str(self.path)!r}. Chief and workers need the same "
            "--output, in a file system that they share."
        )

    def _check_same(self, there, settings):
        settings = json.loads(json.dumps(settings))
        # More trials may be asked for.
        other = {key for key in settings if settings[key] != there.get(key)} - {"trials"}
        if other:
            lines = [
                f"{key}: there {there.get(key)!r}, asked for {settings[key]!r}"
                for key in sorted(other)
            ]
            raise ValueError(
                f"The folder {str(self.path)!r} holds another search, {_describe(there)}; "
                f"choose another folder with --output. {'; '.join(lines)}"
            )

    def read_trials(self):
        """Reads what is known of every trial, in the order in which they began.

        Returns:
            List of dictionaries: `id`, `status`, `score`, `values` (of the hyper-parameters),
            `metrics`, `seconds`, `fit_seconds`, `epochs` and `failure`.
        """
        trials = []
        for path in sorted(self.trials.glob("trial_*/trial.json")):
            state = json.loads(path.read_text(encoding="utf-8"))
            values = state["hyperparameters"]["values"]
            metrics = {
                name: history["observations"][-1]["value"][-1]
                for name, history in state["metrics"]["metrics"].items()
                if history["observations"]
            }
            timing, failure = path.with_name("timing.json"), path.with_name("failure.txt")
            times = _read_timing(timing)
            text = failure.read_text(encoding="utf-8") if failure.is_file() else ""
            trials.append(
                {
                    "id": state["trial_id"],
                    "status": state["status"],
                    "score": state["score"],
                    "values": {k: v for k, v in values.items() if not k.startswith("tuner/")},
                    "metrics": metrics,
                    "epochs": values.get("tuner/epochs"),
                    "seconds": times.get("seconds"),
                    "fit_seconds": times.get("fit_seconds"),
                    "failure": text if state["status"] == "FAILED" else "",
                }
            )
        return trials


def _read_timing(path):
    """What `timing.json` holds; nothing where a process was killed before it was written."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def _describe(settings):
    return (
        f"of {settings.get('target')!r} on {settings.get('data')!r} with the tuner "
        f"{settings.get('tuner')!r}, {settings.get('trials')} trials"
    )
