"""KerasTuner's chief and workers on this machine: starts them, and starts again what dies."""

import collections
import json
import os
import socket
import subprocess
import sys
import time

import keras
import yaml

from capszoo import interruption
from capszoo.files import write_text

MOST_RESTARTS = 5
CHIEF = "chief"


def run_workers(folder, settings, workers, space_file=None, data_dir=None):
    """Runs a search that has begun with a chief and workers, until every worker is done.

    A process that dies is started again under its name: the chief reads its trials again, a
    worker gets the trial it was at again.

    Args:
        folder: The `SearchFolder`.
        settings: What the search is asked for.
        workers: How many workers.
        space_file: Path of the search space, if not the family's. Defaults to `None`.
        data_dir: Folder of the data sets. Defaults to `None`.

    Raises:
        RuntimeError: If a process dies again and again.
    """
    _release(folder)
    command = command_line(folder, settings, space_file, data_dir)
    names = [CHIEF, *[f"worker-{number + 1}" for number in range(workers)]]
    address = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(_free_port())}
    deaths = collections.Counter()
    processes = {}
    try:
        for name in names:
            processes[name] = _start(name, names, command, folder, address)
        # The chief of KerasTuner waits some time to be sure that all are done; we know it. Once it
        # is gone, a worker that it never heard of would ask for a trial for ever.
        while processes[CHIEF].poll() != 0 and any(
            processes[name].poll() != 0 for name in names[1:]
        ):
            time.sleep(0.2)
            for name in names:
                if processes[name].poll() in (None, 0):
                    continue
                deaths[name] += 1
                if deaths[name] > MOST_RESTARTS:
                    log = folder.path / f"{name}.log"
                    end = log.read_text(encoding="utf-8", errors="replace")[-2000:]
                    raise RuntimeError(f"The {name} of the search died too often. {log}:\n{end}")
                processes[name] = _start(name, names, command, folder, address)
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            try:
                process.wait(interruption.SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def command_line(folder, settings, space_file=None, data_dir=None):
    """The words of the command that each process of a search runs.

    Args:
        folder: The `SearchFolder`.
        settings: What the search is asked for.
        space_file: Path of the search space, if not the family's. Defaults to `None`.
        data_dir: Folder of the data sets. Defaults to `None`.

    Returns:
        List of strings.
    """
    words = [sys.executable, "-m", "capszoo.cli", "tune", settings["target"]]
    for key in ("data", "tuner", "trials", "epochs", "seed", "max_parameters"):
        if settings[key] is not None:
            words += [f"--{key.replace('_', '-')}", str(settings[key])]
    for name in settings["objective"]:
        words += ["--objective", name]
    for name, value in settings["overrides"].items():
        text = yaml.safe_dump(value, default_flow_style=True, width=10_000)
        words += ["--set", f"{name}={text.removesuffix(chr(10)).removesuffix('...').strip()}"]
    for option, path in (("--space", space_file), ("--data-dir", data_dir)):
        if path is not None:
            words += [option, str(path)]
    return [*words, "--output", str(folder.path), "--resume"]


def _start(name, names, command, folder, address):
    environment = {
        **address,
        "KERASTUNER_TUNER_ID": name,
        "KERAS_BACKEND": keras.backend.backend(),
    }
    with open(folder.path / f"{name}.log", "ab") as log:
        process = interruption.start(
            command,
            environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            # The chief says how the search goes.
            stderr=None if name == CHIEF else log,
        )
    _give_cores(process.pid, name, names)
    return process


def _give_cores(pid, name, names):
    """Gives each worker its share of the cores, where there are enough: they would all use all."""
    if name == CHIEF or not hasattr(os, "sched_setaffinity"):
        return
    cores, number = sorted(os.sched_getaffinity(0)), names.index(name) - 1
    share = cores[number :: len(names) - 1]
    if share:
        os.sched_setaffinity(pid, share)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _release(folder):
    """Gives the trials of workers that are gone to whoever asks first."""
    path = folder.trials / "oracle.json"
    if not path.is_file():
        return
    state = json.loads(path.read_text(encoding="utf-8"))
    state["retry_queue"] += [one for one in state["ongoing_trials"].values()]
    state["ongoing_trials"] = {}
    write_text(path, json.dumps(state))
