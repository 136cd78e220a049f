"""Runs the cases of a sweep in processes that may die, and counts how they ended.

A module of a sweep has `cases(count, seed)`, which yields its cases as tuples, and
`tried(case, folder)`, which says how a case ended and in which words.
"""

import argparse
import collections
import importlib
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile

CHILD = "import sys; from tests.sweeps.children import work; work(*sys.argv[1:])"


class TooSlow(BaseException):
    """Raised by the clock."""


def outcome(call, named, *arguments):
    """Calls a function; says how that ended, and in which words.

    Args:
        call: The function.
        named: What the message of a refusal has to name.
        *arguments: Of the function.
    """
    try:
        call(*arguments)
    except ValueError as error:
        return ("refused" if str(named) in str(error) else "unnamed"), str(error)
    except Exception as error:
        memory = any(word in str(error) for word in ("RESOURCE_EXHAUSTED", "allocate", "OOM"))
        return ("died" if memory else f"traceback {type(error).__name__}"), str(error)
    return "built", ""


def work(module, first, count, seed, seconds, gigabytes):
    """Tries the cases from the first on, a line each on standard output."""
    module = importlib.import_module(module)
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    allowed = pages * resource.getpagesize() + int(gigabytes) * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
    # Weights are made of several arrays of their size.
    os.environ["CAPSZOO_MEMORY_LIMIT"] = str(int(gigabytes) / 4)

    def ring(*_):
        raise TooSlow

    signal.signal(signal.SIGALRM, ring)
    for number, case in enumerate(module.cases(int(count), int(seed))):
        if number < int(first):
            continue
        print(f"@{number}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            signal.alarm(int(seconds))
            try:
                end, words = module.tried(case, pathlib.Path(folder))
            except TooSlow:
                end, words = "slow", ""
            finally:
                signal.alarm(0)
            words = " ".join(words.replace(folder, "").split())[:300]
        print("=" + "\t".join([end, *map(_short, case), words]), flush=True)


def _short(value):
    return " ".join(str(value).split())[:60]


def sweep(module, count, seed, seconds=20, gigabytes=6, verbose=()):
    """Tries cases, each in a process that may die; counts how they ended.

    Args:
        module: The name of the sweep's module.
        count: How many cases.
        seed: Which.
        seconds: How long one may take. Defaults to `20`.
        gigabytes: Memory for each beside what is imported. Defaults to `6`.
        verbose: Endings of which each is printed. Defaults to `()`.

    Returns:
        A `collections.Counter` by ending.
    """
    ends, number = collections.Counter(), 0
    while number < count:
        words = [module, *map(str, (number, count, seed, seconds, gigabytes))]
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
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
                case = list(importlib.import_module(module).cases(number + 1, seed))[number]
                print("died", *map(_short, case), sep=" | ", flush=True)
        elif process.returncode:
            raise SystemExit(f"A child ended with {process.returncode} between two cases.")
        number += 1
    return ends


def main(module, description):
    """Parses the command line of a sweep, sweeps and prints the counts."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--gigabytes", type=int, default=6)
    parser.add_argument("--show", nargs="*", default=["unnamed", "traceback", "slow", "died"])
    given = parser.parse_args()
    ends = sweep(module, given.count, given.seed, given.seconds, given.gigabytes, given.show)
    for end, number in ends.most_common():
        print(f"{number:6} {end}")
