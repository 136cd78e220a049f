"""Every routing in the same small network: how well it learns and how long a step takes.

`python -m capszoo.benchmarks.routings` measures the running backend and writes
`zoo_configs/benchmarks/routings_<backend>.csv`; `--steps-only` leaves the trainings out.
"""

import argparse
import csv
import dataclasses
import datetime
import io
import pathlib

import keras
import numpy as np

from capszoo import data
from capszoo import routing as routings
from capszoo.benchmarks.network_steps import network_steps
from capszoo.benchmarks.step import TRAINING
from capszoo.benchmarks.timing import median_seconds
from capszoo.device import describe_hardware
from capszoo.device import versions
from capszoo.files import write_text
from capszoo.models import CapsNet
from capszoo.zoo.presets import configs_folder

# 512 children on 28x28 pictures, 32 on 8x8.
NETWORK = {
    "conv_filters": 32,
    "conv_kernel_size": 3,
    "primary_types": 8,
    "primary_kernel_size": 3,
    "primary_strides": 3,
    "decoder": None,
}
BATCH = 32
SEEDS = (0, 1, 2)


@dataclasses.dataclass(frozen=True)
class Task:
    """What is learnt, and for how long.

    Attributes:
        data: Name of a data set.
        train: How many of its training pictures are learnt, at most.
        test: How many of its test pictures are asked, at most.
        epochs: How often each is seen.
    """

    data: str
    train: int
    test: int
    epochs: int


TASKS = (Task("digits", 1149, 360, 12), Task("fashion_mnist", 6000, 2000, 3))


@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured of one routing on one data set; `None` for what was not.

    Attributes:
        routing: Its name.
        data: Name of the data set.
        train_images: How many pictures it learnt.
        test_images: Of how many pictures the accuracy is.
        epochs: How often it saw each.
        seeds: How many networks were trained.
        accuracy: Their mean test accuracy.
        standard_error: Of that mean, over the seeds.
        milliseconds: Median time of a training step of 32 pictures, all routings by turns.
        times_uniform: That time as a multiple of the uniform routing's.
        parameters: How many the network has.
        refused: What the network said where it does not take the routing.
        backend: The Keras backend.
        hardware: What it ran on.
        versions: Of capszoo, Keras and the backend, in words.
        date: The day, as `2026-11-22`.
    """

    routing: str
    data: str
    train_images: int
    test_images: int
    epochs: int
    seeds: int
    accuracy: float | None
    standard_error: float | None
    milliseconds: float | None
    times_uniform: float | None
    parameters: int | None
    refused: str | None
    backend: str
    hardware: str
    versions: str
    date: str


def compare_routings(tasks=TASKS, seeds=SEEDS, repeats=7, report=None):
    """Measures every routing of `capszoo.routing.names()` in the same network.

    Args:
        tasks: What to learn. Defaults to digits and 6,000 pictures of Fashion-MNIST.
        seeds: Random seeds, one network each; none for no trainings. Defaults to `(0, 1, 2)`.
        repeats: How often a step is timed. Defaults to `7`.
        report: Function that is given the rows there are after each routing. Defaults to
            `None`.

    Returns:
        List of `Row`, those of one data set next to each other.

    Example:

    >>> task = capszoo.benchmarks.routings.Task("digits", 32, 32, 1)
    >>> rows = capszoo.benchmarks.routings.compare_routings([task], seeds=[], repeats=1)
    >>> [row.times_uniform for row in rows if row.routing == "uniform"]
    [1.0]
    """
    rows: list[Row] = []
    for task in tasks:
        train = _some(*data.load(task.data, "train"), task.train)
        test = _some(*data.load(task.data, "test"), task.test)
        arguments = {**NETWORK, "image_shape": train[0].shape[1:], "num_classes": 10}
        parameters, refused, steps = {}, {}, {}
        for name in routings.names():
            try:
                parameters[name] = CapsNet(routing=name, **arguments).count_params()
            except (ValueError, TypeError) as error:
                refused[name] = " ".join(str(error).split())
                continue
            own = network_steps("capsnet", name, BATCH, {**arguments, "routing": name})
            steps[name] = next(step.run for step in own if step.kind == TRAINING)
        for step in steps.values():
            step()
        seconds = dict(zip(steps, median_seconds(steps.values(), repeats), strict=True))
        for name in routings.names():
            trained = [] if name in refused else seeds
            found = [_accuracy(name, arguments, train, test, task, seed) for seed in trained]
            rows.append(
                Row(
                    routing=name,
                    data=task.data,
                    train_images=len(train[0]),
                    test_images=len(test[0]),
                    epochs=task.epochs,
                    seeds=len(found),
                    accuracy=round(float(np.mean(found)), 5) if found else None,
                    standard_error=_standard_error(found),
                    milliseconds=round(1e3 * seconds[name], 2) if name in seconds else None,
                    times_uniform=_ratio(seconds, name),
                    parameters=parameters.get(name),
                    refused=refused.get(name),
                    backend=keras.backend.backend(),
                    hardware=describe_hardware(),
                    versions=", ".join(f"{key} {value}" for key, value in versions().items()),
                    date=datetime.date.today().isoformat(),
                )
            )
            if report:
                report(rows)
    return rows


def write(path, rows):
    """Writes rows to a file of comma-separated values.

    Args:
        path: The file.
        rows: List of `Row`.
    """
    text = io.StringIO()
    names = [field.name for field in dataclasses.fields(Row)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(dataclasses.asdict, rows))
    write_text(pathlib.Path(path), text.getvalue())


def _some(images, labels, number):
    """Some of a set's pictures, always the same ones."""
    chosen = np.random.default_rng(0).permutation(len(images))[:number]
    return images[chosen], labels[chosen]


def _accuracy(name, arguments, train, test, task, seed):
    keras.utils.set_random_seed(seed)
    model = CapsNet(routing=name, **arguments)
    model.compile()
    model.fit(*train, batch_size=BATCH, epochs=task.epochs, verbose=0)
    return model.evaluate(*test, batch_size=BATCH, verbose=0, return_dict=True)["accuracy"]


def _standard_error(found):
    if len(found) < 2:
        return None
    return round(float(np.std(found, ddof=1)) / len(found) ** 0.5, 5)


def _ratio(seconds, name):
    if name not in seconds or "uniform" not in seconds:
        return None
    return round(seconds[name] / seconds["uniform"], 2)


def main():
    """Measures, and writes what is measured after each routing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = configs_folder() / "benchmarks" / f"routings_{keras.backend.backend()}.csv"
    parser.add_argument("--output", type=pathlib.Path, default=default)
    parser.add_argument("--steps-only", action="store_true")
    options = parser.parse_args()

    def report(rows):
        write(options.output, rows)
        last = rows[-1]
        print(last.data, last.routing, last.accuracy, f"{last.milliseconds} ms", flush=True)

    compare_routings(seeds=() if options.steps_only else SEEDS, report=report)


if __name__ == "__main__":
    main()
