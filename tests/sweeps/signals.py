"""Ctrl-C and SIGTERM at random moments: how a command, and all that it started, ends.

    python -m tests.sweeps.signals --count 40 --seed 0

Each case starts a training or a search with two workers, in a session of its own, and sends one
signal at a moment between its start and `--latest` seconds: to the process alone, as `kill` and
Kubernetes do, or to its whole group, as a terminal and Slurm do. The last lines count the ends:

- ended: everything within `--seconds`, without a traceback, with 130 (Ctrl-C) or 143 (SIGTERM)
- code N: the same, with another exit code
- traceback: there is one on standard error
- slow: the command itself took longer
- left: the command ended, and a process that it started ran on

A process that a signal ends before Python heeds any has no exit code; a shell makes 130 and 143
of that, and so does this.
"""

import argparse
import collections
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

from tests.tuning.tiny import TINY
from tests.zoo.tiny import toy_data
from tests.zoo.tiny import write_toy

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Case(NamedTuple):
    """A command (`train` or `tune`), a signal, its moment in seconds, and whom it is sent to."""

    command: str
    number: signal.Signals
    moment: float
    to_group: bool


def cases(count, seed, latest):
    """The cases of a seed."""
    draw = random.Random(seed)
    for _ in range(count):
        command = draw.choice(["train", "tune"])
        number = draw.choice([signal.SIGINT, signal.SIGTERM])
        yield Case(command, number, round(draw.uniform(0.2, latest), 2), draw.random() < 0.5)


def words(command, folder):
    """The words of a command that would run for hours."""
    if command == "train":
        words = ["train", write_toy(folder), "--epochs", 100_000]
    else:
        words = ["tune", "capsnet", "--data", toy_data(folder), "--tuner", "random"]
        words += ["--trials", 1000, "--epochs", 1000, "--workers", 2]
        for name, value in TINY.items():
            words += ["--set", f"{name}={str(value).replace(chr(39), '')}"]
    return [*map(str, words), "--output", str(folder / "output")]


def session(leader):
    """The processes of a session that still run."""
    running = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            # What follows the name, which may hold anything: state, parent, group, session.
            state, _, _, own = path.read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if int(own) == leader and state != "Z":
            running.append(int(path.parent.name))
    return running


def ending(case, seconds=15):
    """Starts a command, interrupts it; says how it ended, after how long, and its last words."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run = [sys.executable, "-m", "capszoo", *words(case.command, folder)]
        with open(folder / "err", "wb") as err:
            # Python ignores Ctrl-C where it was started so, and `trap` cannot undo that.
            process = subprocess.Popen(
                run,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=err,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        try:
            time.sleep(case.moment)
            if process.poll() is not None:
                return f"code {process.returncode} before", 0.0, (folder / "err").read_text()
            (os.killpg if case.to_group else os.kill)(process.pid, case.number)
            began = time.monotonic()
            while process.poll() is None or session(process.pid):
                if time.monotonic() - began > seconds:
                    break
                time.sleep(0.05)
            took, code = time.monotonic() - began, process.poll()
            left = session(process.pid)
        finally:
            for one in session(process.pid):
                try:
                    os.kill(one, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            process.wait()
        text = (folder / "err").read_text(errors="replace")
    if code is None:
        return "slow", took, text
    if left:
        return "left", took, text
    if "Traceback" in text or "Fatal Python error" in text:
        return "traceback", took, text
    expected = (128 + case.number, -case.number)
    return ("ended" if code in expected else f"code {code}"), took, text


def sweep(given, seconds=15, report=print):
    """Tries cases; counts how they ended, and says of each that did not end well how."""
    ends, longest = collections.Counter(), 0.0
    for case in given:
        end, took, text = ending(case, seconds)
        ends[end] += 1
        longest = max(longest, took)
        if end != "ended":
            last = " ".join(text.split())[-200:]
            report(
                f"{end} | {case.command} {case.number.name} {case.moment} s "
                f"{'group' if case.to_group else 'process'} | {took:.1f} s | {last}"
            )
    return ends, longest


def main():
    """Parses the command line, sweeps and prints the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--latest", type=float, default=15)
    given = parser.parse_args()
    tried = cases(given.count, given.seed, given.latest)
    ends, longest = sweep(tried, given.seconds, lambda line: print(line, flush=True))
    for end, number in ends.most_common():
        print(f"{number:6} {end}")
    print(f"The longest took {longest:.1f} s.")


if __name__ == "__main__":
    main()
