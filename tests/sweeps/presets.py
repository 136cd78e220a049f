"""Presets with one value made hostile: how each is refused, or whether it is built.

    python -m tests.sweeps.presets --count 500 --seed 0

Each case takes one of our presets, changes one value of its `model`, `layer_changes` or
`training`, or adds an argument, and reads and builds it. The last lines count how it ended:

- built: it is a model; most of the time the value was none to refuse
- refused: a `ValueError` that names the file
- unnamed: a `ValueError` that does not
- traceback: anything else, by its class
- slow: more than `--seconds`
- died: the process ended, or ran out of the memory that it was allowed
"""

import argparse
import collections
import copy
import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import tempfile

import yaml

# What a person mistypes, and what somebody with bad intentions writes.
VALUES = [
    0, -1, 1, 2, 3, 7, 1.5, 1000, 100_000, 10**9, 10**12, 2**62 + 1, 10**30, 1e300, -1e-9,
    float("nan"), float("inf"), True, False, None, "", "nonsense", "3", "valid", "dynamic",
    [], [0], [1], [3, 3], [1, 2, 3], [4, -4], [1.5, 2], ["a", "b"], [None], [[1, 2], [3, 4]],
    [10**9, 10**9, 3], [8] * 60, [1] * 5000, [[[[[[[[1]]]]]]]], {}, {"X": {}}, {"name": "dynamic"},
    {"name": "dynamic", "iterations": 10**9}, {"name": "em", "iterations": [1]}, {"name": 3},
    {"name": "dynamic", "leaky": "maybe"}, {"name": "dynamic", "dtype": "nonsense"},
    {"name": "self_attention", "kernel_initializer": 5}, {"class_name": "X"}, {"iterations": 3},
    {"class_name": "Dense", "config": {"units": 10_000_000}}, {"mean": [1], "variance": [-1]},
    {"class_name": "Dense", "config": {"units": "many"}}, {"mean": [1] * 7, "variance": [1] * 7},
    {"class_name": "Sequential", "config": {"layers": [{}]}}, {"mean": "x", "variance": {}},
]  # fmt: skip
ONE_CASE = "import sys; from tests.sweeps.presets import worker; worker(*map(int, sys.argv[1:]))"


def contents():
    """The presets that are quick to build, as plain data by name."""
    from capszoo.zoo.presets import configs_folder

    found = {}
    for path in sorted(configs_folder().rglob("*.yaml")):
        if path.name != "search_space.yaml":
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            for key in ("weights", "golden", "results", "published", "paper"):
                content.pop(key, None)
            found[content["name"]] = content
    return found


def mutated(content, draw):
    """Copies a preset's content with one value changed; says which, and to what."""
    from capszoo.models import get_family

    content = copy.deepcopy(content)
    value = copy.deepcopy(draw.choice(VALUES))
    kind = draw.random()
    if kind < 0.08:
        changes = {
            "layer": draw.choice(["conv", "nowhere", ""]),
            "key": draw.choice(["trainable", "lora_rank", "quantization", "x"]),
        }
        content["layer_changes"] = {changes["layer"]: {changes["key"]: value}}
        return content, f"layer_changes.{changes['layer']}.{changes['key']}", value
    if kind < 0.16:
        section = content["training"]
        key = draw.choice(["optimizer", "loss", "epochs", "batch_size", "seed"])
        section[key] = {"Adam": {"learning_rate": value}} if draw.random() < 0.3 else value
        return content, f"training.{key}", section[key]
    node, path = content["model"], ["model"]
    if kind < 0.45:
        key = draw.choice(get_family(content["family"]).argument_names())
    else:
        key = draw.choice(sorted(node))
    while isinstance(node.get(key), dict) and draw.random() < 0.7 and node[key]:
        node, path = node[key], [*path, key]
        key = draw.choice(sorted(node))
    if isinstance(node.get(key), list) and node[key] and draw.random() < 0.4:
        index = draw.randrange(len(node[key]))
        node[key] = [*node[key]]
        node[key][index] = value
        return content, ".".join([*path, key, str(index)]), value
    node[key] = value
    return content, ".".join([*path, key]), value


class TooSlow(BaseException):
    """Raised by the clock."""


def tried(content, folder, seconds):
    """Reads and builds a preset; says how that ended, and in which words."""
    from capszoo import zoo

    def ring(*_):
        raise TooSlow

    path = pathlib.Path(folder) / "hostile.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        preset = zoo.read_preset(path)
        zoo.build(preset)
        from capszoo.training.trainer import make_loss
        from capszoo.training.trainer import make_optimizer

        try:
            make_optimizer(preset.training.optimizer)
            make_loss(preset.training.loss)
        except ValueError as error:
            # The trainer names the file.
            raise ValueError(f"{path}: {error}") from error
    except TooSlow:
        return "slow", ""
    except ValueError as error:
        return ("refused" if str(path) in str(error) else "unnamed"), str(error)
    except MemoryError as error:
        return "died", repr(error)
    except Exception as error:
        memory = any(word in str(error) for word in ("RESOURCE_EXHAUSTED", "allocate", "OOM"))
        return ("died" if memory else f"traceback {type(error).__name__}"), str(error)
    finally:
        signal.alarm(0)
    return "built", ""


def cases(count, seed):
    """The cases of a seed."""
    presets = contents()
    draw = random.Random(seed)
    for _ in range(count):
        name = draw.choice(sorted(presets))
        yield name, *mutated(presets[name], draw)


def worker(first, count, seed, seconds, gigabytes):
    """Tries the cases from the first on, a line each on standard output."""
    import capszoo  # noqa: F401

    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    allowed = pages * resource.getpagesize() + gigabytes * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
    # Weights are made of several arrays of their size.
    os.environ["CAPSZOO_MEMORY_LIMIT"] = str(gigabytes / 4)
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, content, key, value) in enumerate(cases(count, seed)):
            if number >= first:
                print(f"@{number}", flush=True)
                end, words = tried(content, folder, seconds)
                shown = " ".join(words.replace(folder, "").split())[:300]
                print(f"={end}\t{name}\t{key}\t{str(value)[:60]}\t{shown}", flush=True)


def sweep(count, seed, seconds=20, gigabytes=6, verbose=()):
    """Tries cases, each in a process that may die; counts how they ended."""
    ends, number = collections.Counter(), 0
    while number < count:
        command = [sys.executable, "-c", ONE_CASE]
        command += [str(one) for one in (number, count, seed, seconds, gigabytes)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ
        )
        open_case = False
        for line in process.stdout:
            if line.startswith("@"):
                number, open_case = int(line[1:]), True
            elif line.startswith("="):
                end, *others = line[1:].rstrip("\n").split("\t")
                ends[end] += 1
                open_case = False
                if end.split()[0] in verbose:
                    print(end, *others, sep=" | ", flush=True)
        process.wait()
        if open_case:
            ends["died"] += 1
            if "died" in verbose:
                name, _, key, value = list(cases(number + 1, seed))[number]
                print("died", name, key, str(value)[:60], sep=" | ", flush=True)
        elif process.returncode:
            raise SystemExit(f"A worker ended with {process.returncode} between two cases.")
        number += 1
    return ends


def main():
    """Parses the command line, sweeps and prints the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--gigabytes", type=int, default=6)
    parser.add_argument("--show", nargs="*", default=["unnamed", "traceback", "slow", "died"])
    given = parser.parse_args()
    ends = sweep(given.count, given.seed, given.seconds, given.gigabytes, given.show)
    for end, number in ends.most_common():
        print(f"{number:6} {end}")


if __name__ == "__main__":
    main()
