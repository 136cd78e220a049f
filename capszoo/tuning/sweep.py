"""Random points of every family's space, each trained for an epoch on data that need no download.

    python -m capszoo.tuning.sweep                     # 5 points of each family
    python -m capszoo.tuning.sweep --points 1 --examples 100 capsnet

The data are those of the preset by whose recipe the family alone is trained: digits for images,
generated volumes for volumes. It ends with exit code 1 if a point cannot be built or its loss is
not finite.
"""

import argparse
import sys
import time

import keras_tuner

from capszoo import data as data_sets
from capszoo.models import get_family
from capszoo.models import list_models
from capszoo.training.released_memory import released_memory
from capszoo.tuning.examples import load_examples
from capszoo.tuning.hypermodel import CapsuleHyperModel
from capszoo.zoo import list_presets
from capszoo.zoo import read_preset


def random_point(hypermodel, seed):
    """Draws a point of a search space.

    Args:
        hypermodel: A `CapsuleHyperModel`.
        seed: Seed of the point.

    Returns:
        A `keras_tuner.HyperParameters` with its values.

    Example:

    >>> hypermodel = capszoo.tuning.CapsuleHyperModel("capsnet", (8, 8, 1), 10)
    >>> hp = capszoo.tuning.sweep.random_point(hypermodel, seed=0)
    >>> hp.get("conv_filters") in (32, 64, 128, 256)
    True
    """
    hp = keras_tuner.HyperParameters()
    hypermodel.declare_hyperparameters(hp)
    for number, one in enumerate(hp.space):
        hp.values[one.name] = one.random_sample(seed=1000 * seed + number)
    hp.ensure_active_values()
    return hp


def sweep(families, points=5, examples=None, seed=0, say=print):
    """Trains random points of families for one epoch.

    Args:
        families: Names of families.
        points: How many points of each. Defaults to `5`.
        examples: How many training examples. Defaults to `None`, all.
        seed: Seed of the points. Defaults to `0`.
        say: Function that is given a line on each point. Defaults to `print`.

    Returns:
        List of the points that failed: family, number and reason.
    """
    failed = []
    for family in families:
        input_end = get_family(family).input_end
        recipe = f"{family}_{input_end.default_data}"
        base = read_preset(recipe) if recipe in list_presets() else None
        shape, training, _, added = load_examples(family, base, input_end.default_data)
        names = data_sets.class_names(input_end.default_data, kind=input_end.unit)
        hypermodel = CapsuleHyperModel(family, shape, len(names) or None, base=base)
        hypermodel.base["data"] = {**hypermodel.base.get("data", {}), **added}
        training = tuple(part[:examples] for part in training)
        for point in range(points):
            hp = random_point(hypermodel, seed + point)
            started = time.perf_counter()
            try:
                with released_memory():
                    model = hypermodel.build(hp)
                    history = hypermodel.fit(hp, model, *training, verbose=0)
                    # The history holds the model.
                    loss = history.history["loss"][0]
                    del model, history
            except Exception as error:
                failed.append((family, point, f"{type(error).__name__}: {error}"))
                say(f"{family} {point}: FAILED {error}: {hp.values}")
            else:
                say(f"{family} {point}: loss {loss:.4g} ({time.perf_counter() - started:.1f} s)")
    return failed


def main(arguments=None):
    """Runs the command.

    Args:
        arguments: Words of the command line. Defaults to `None`, those of the process.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("families", nargs="*", help="default: all")
    parser.add_argument("--points", type=int, default=5)
    parser.add_argument("--examples", type=int)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    failed = sweep(
        asked.families or _searched(), asked.points, asked.examples, asked.seed, _say_at_once
    )
    print(f"{len(failed)} failed")
    return 1 if failed else 0


def _searched():
    # The members of an ensemble have search spaces, it has none.
    return [family for family in list_models() if family != "ensemble"]


def _say_at_once(line):
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
