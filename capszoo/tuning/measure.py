"""What a search costs: time beside training, memory over many trials, the worth of a worker.

    python -m capszoo.tuning.measure overhead          # share of a trial's time outside fit
    python -m capszoo.tuning.measure memory            # resident memory over 50 trials
    python -m capszoo.tuning.measure workers           # 12 trials: two workers against one

The figures are for a quiet machine. Each search is written to a temporary folder.
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile
import time

from capszoo.device import resident_bytes
from capszoo.tuning.run import search

# One model, so that trials differ in what hardly costs time.
FIXED = {
    "routing": "dynamic",
    "iterations": 2,
    "leaky": False,
    "conv_filters": 32,
    "primary_types": 8,
    "primary_dim": 8,
    "primary_strides": 1,
    "class_dim": 8,
    "decoder": False,
    "batch_size": 32,
}


def overhead(epochs=60, trials=3):
    """Measures the share of a trial's time that is not spent in `fit`.

    Args:
        epochs: Epochs of a trial; for trials of about a minute. Defaults to `60`.
        trials: How many trials. Defaults to `3`.

    Returns:
        A dictionary of figures.
    """
    report = _search(trials, epochs)
    seconds = [one["seconds"] for one in report["trials"]]
    shares = [1 - one["fit_seconds"] / one["seconds"] for one in report["trials"]]
    return {"trial_seconds": seconds, "share_outside_fit": [round(share, 4) for share in shares]}


def memory(trials=50):
    """Measures the resident memory of this process after each of many short trials.

    Args:
        trials: How many trials. Defaults to `50`.

    Returns:
        A dictionary of figures: `growth` is from the fifth trial, when all is imported and
        compiled once, to the last.
    """
    used = []

    def note(line):
        used.append(resident_bytes() >> 20)
        print(f"{line} {used[-1]} MiB", file=sys.stderr, flush=True)

    _search(trials, 1, progress=note)
    return {
        "mebibytes": used,
        "growth": round(used[-1] / used[min(4, len(used) - 1)] - 1, 4),
    }


def workers(trials=12, epochs=20):
    """Measures the time of the same trials with one worker and with two, each on one core.

    Args:
        trials: How many trials. Defaults to `12`.
        epochs: Epochs of a trial. Defaults to `20`.

    Returns:
        A dictionary of figures.
    """
    cores = sorted(os.sched_getaffinity(0))[:2]
    seconds = {}
    for count in (1, 2):
        os.sched_setaffinity(0, cores[:count])
        started = time.perf_counter()
        _search(trials, epochs, workers=count)
        seconds[count] = round(time.perf_counter() - started, 1)
    os.sched_setaffinity(0, cores)
    return {"seconds": seconds, "faster": round(seconds[1] / seconds[2], 2)}


def _search(trials, epochs, **arguments):
    with tempfile.TemporaryDirectory() as folder:
        return search(
            "capsnet",
            "digits",
            tuner="random",
            trials=trials,
            epochs=epochs,
            overrides=FIXED,
            output=pathlib.Path(folder) / "search",
            **{"progress": lambda line: print(line, file=sys.stderr, flush=True), **arguments},
        )


def main(arguments=None):
    """Runs the command.

    Args:
        arguments: Words of the command line. Defaults to `None`, those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["overhead", "memory", "workers"])
    parser.add_argument("--trials", type=int)
    parser.add_argument("--epochs", type=int)
    asked = vars(parser.parse_args(arguments))
    measure = {"overhead": overhead, "memory": memory, "workers": workers}[asked.pop("what")]
    print(json.dumps(measure(**{key: value for key, value in asked.items() if value})))


if __name__ == "__main__":
    main()
