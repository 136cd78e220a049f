"""The benchmark: every step timed by turns, beside what the machine could do."""

import dataclasses
import datetime
import itertools
import time
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras

from capszoo.benchmarks.floors import measure_floors
from capszoo.benchmarks.report import Measurement
from capszoo.benchmarks.subjects import make_steps
from capszoo.benchmarks.timing import median_seconds
from capszoo.benchmarks.timing import peak_memory
from capszoo.device import describe_hardware
from capszoo.device import versions
from capszoo.validation import check_positive_int


def benchmark(
    subjects: Sequence[str],
    batches: Sequence[int] = (32,),
    settings: Sequence[tuple[str, Any]] = (),
    with_naive: bool = False,
    repeats: int = 7,
    fixed: Sequence[tuple[str, Any]] = (),
    report: Callable[[str], None] | None = None,
) -> list[dict[str, Any]]:
    """Measures inference and training steps of networks, layers and routing.

    The variants of a subject are timed by turns, each call after an untimed one of its own, and
    the medians reported. The floor of a step is the larger of two times: its floating point
    operations at the rate of a large matrix product on this machine, and the bytes that it has
    to read and write at the rate of a large copy, both counted from shapes, see
    `capszoo.benchmarks.counting`.

    Args:
        subjects: Names of families or presets; a capsule layer by the name of its class;
            `"routing"`, dynamic routing of the paper's class capsules by itself;
            `"convolutions"`, each layer with windows of all presets by itself.
        batches: Numbers of samples. Defaults to `(32,)`.
        settings: Pairs of a name and a value, each one more variant: an argument of the family,
            the layer or the routing; for a network also `dtype` (a policy) or `jit_compile`.
            Defaults to `()`.
        with_naive: Whether the straightforward implementation of a network's routing and
            convolutions is measured too, as the first variant; of a network also, as the
            second, its own with all votes made at once. Defaults to `False`.
        repeats: How often each step is timed. Defaults to `7`.
        fixed: Pairs of a name and a value, an argument of the network or layer in all variants,
            such as `("image_shape", (128, 128, 1))`. Defaults to `()`.
        report: Function that is told what is being done, in words. Defaults to `None`.

    Returns:
        List of dictionaries, one for each step, with the keys of
        `capszoo.benchmarks.report.Measurement`.

    Raises:
        ValueError: If a subject or setting is unknown or a number not a positive integer.

    Example:

    >>> rows = capszoo.benchmarks.benchmark(["capsnet_digits"], batches=[2], repeats=1)
    >>> [row["step"] for row in rows]
    ['inference', 'training']
    """
    repeats = check_positive_int("repeats", repeats)
    batches = [check_positive_int("batches", batch) for batch in batches]
    report = report or (lambda words: None)
    # Built first: what is asked for wrongly is said before anything is measured.
    groups = [
        (subject, batch, make_steps(subject, batch, settings, with_naive, fixed))
        for subject, batch in itertools.product(subjects, batches)
    ]
    report("what the machine can do")
    floors = measure_floors()
    timed: list[Any] = []
    for subject, batch, steps in groups:
        report(f"{subject}, batch {batch}")
        for _, same_kind in itertools.groupby(steps, key=lambda step: step.kind):
            timed += _time(list(same_kind), repeats)
    report("memory")
    return [
        dataclasses.asdict(
            _measurement(step, seconds, speedup, compiling, peak_memory(step.run), floors)
        )
        for step, seconds, speedup, compiling in timed
    ]


def _time(steps, repeats):
    """Times steps of one kind: pairs of a step and its figures."""
    first_calls = []
    for step in steps:
        start = time.perf_counter()
        step.run()
        first_calls.append(time.perf_counter() - start)
    seconds = median_seconds([step.run for step in steps], repeats)
    return [
        (step, own, seconds[0] / own, max(first_call - own, 0.0))
        for step, own, first_call in zip(steps, seconds, first_calls, strict=True)
    ]


def _measurement(step, seconds, speedup, compiling, peak, floors):
    operations_per_second, bytes_per_second = floors
    floor = max(step.operations / operations_per_second, step.memory / bytes_per_second)
    return Measurement(
        subject=step.subject,
        variant=step.variant,
        step=step.kind,
        batch=step.batch,
        milliseconds=round(1e3 * seconds, 3),
        samples_per_second=round(step.batch / seconds, 1),
        speedup=round(speedup, 2),
        compile_seconds=round(compiling, 2),
        peak_megabytes=None if peak is None else round(peak / 1e6, 1),
        gigaflops=round(step.operations / 1e9, 6),
        traffic_megabytes=round(step.memory / 1e6, 1),
        floor_milliseconds=round(1e3 * floor, 3),
        times_floor=round(seconds / floor, 1),
        backend=keras.backend.backend(),
        hardware=describe_hardware(),
        versions=_versions_in_words(),
        date=datetime.date.today().isoformat(),
    )


def _versions_in_words():
    every = versions()
    shown = ("capszoo", "keras", keras.backend.backend())
    return ", ".join(f"{name} {every[name]}" for name in shown)
