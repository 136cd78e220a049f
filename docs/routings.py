"""The page that helps to choose a routing, made from the classes and what was measured.

`python docs/routings.py` writes it anew to `docs/routing/choosing.md`.
"""

import csv
import inspect
import pathlib
import re

import keras

import capszoo
from capszoo.routing import Routing

ROOT = pathlib.Path(__file__).parents[1]
PAGE = ROOT / "docs" / "routing" / "choosing.md"
MEASURED = ROOT / "zoo_configs" / "benchmarks"

# Column, class and its arguments, and the shape of the children.
LAYERS = [
    ("dense", "DenseCapsules", {}, (6, 4)),
    ("1-D", "ConvCapsules1D", {"kernel_size": 2}, (4, 2, 4)),
    ("2-D", "ConvCapsules2D", {"kernel_size": 2}, (3, 3, 2, 4)),
    ("3-D", "ConvCapsules3D", {"kernel_size": 2}, (2, 2, 2, 2, 4)),
    ("class", "ClassCapsules", {}, (2, 2, 2, 4)),
    ("transposed", "TransposedConvCapsules2D", {"kernel_size": 2}, (2, 2, 2, 4)),
]
_COST = re.compile(r"\b[Tt]ime\s+`O\(.+?\.(?=\s|$)", re.DOTALL)

_HEAD = """# Choosing a routing

<!-- Made from the classes and zoo_configs/benchmarks/routings_*.csv: python docs/routings.py -->

## What each can do

Every routing runs on JAX, TensorFlow and PyTorch, and gives the same numbers. In a column of a
layer, `yes` says that the layer takes the routing with its default arguments. *Activations*:
whether they are a pair with the poses. *Mask*: whether children may be missing. *Kernels*: whether
some of [these](../kernels.md) compute it faster.
"""

_COSTS = """## What each costs

Beside the votes, for `B` samples, `I` children, `J` parents and `D` pose dimensions, as each class
says.
"""

_MEASURED = """## What each learns, and how long a step takes

One small network, `capszoo.models.CapsNet` with 32 filters of 3x3 and 8 types of primary capsules,
without decoder; only the routing differs, with its default arguments. Test accuracy is the mean of
as many seeds as are said, ± the standard error of that mean. A step is one of training with 32
pictures, the median of all routings timed by turns; it is given as a multiple of the uniform
routing's too. Other work ran on the machine beside it, so only the multiples say something.
`python -m capszoo.benchmarks.routings` measures it.

All learn by the one recipe of that family, margin loss and Adam. `em` and `self_routing`, whose
activations are no lengths, do badly by it; in families and by recipes of their own they have 98.06
and 97.78 % of the digits (`em_capsnet_digits`, `self_routing_capsnet_digits`).
"""


def page():
    """Makes the page, a string of Markdown."""
    names = capszoo.routing.names()
    return "\n".join([_HEAD, _matrix(names), _COSTS, _costs(names), _MEASURED, _tables()])


def cost(name):
    """What the docstring of a routing says of its time and memory, in one sentence.

    Raises `ValueError` where it says nothing.
    """
    found = _COST.search(inspect.getdoc(capszoo.routing.get_class(name)))
    if found is None:
        raise ValueError(
            f"The docstring of routing {name!r} must say its cost, such as: Time `O(B I J D)` an "
            "iteration, memory `O(B I J)` beside the votes."
        )
    text = " ".join(found.group().split())
    return text[0].upper() + text[1:]


def takes(layer, arguments, shape, name):
    """Tells whether a layer takes a routing, by building it."""
    try:
        made = getattr(capszoo.layers, layer)(2, 4, routing=name, **arguments)
        poses = keras.Input(shape)
        explicit = made.routing.explicit_activations
        made([poses, keras.Input(shape[:-1])] if explicit else poses)
    except (ValueError, TypeError, NotImplementedError):
        return False
    return True


def _matrix(names):
    head = ["routing", *(layer[0] for layer in LAYERS)]
    head += ["activations", "mask", "kernels", "arguments to tune"]
    rows = []
    for name in names:
        cls = capszoo.routing.get_class(name)
        rows.append(
            [
                f"[`{name}`]({name}.md)",
                *(_yes(takes(*layer[1:], name)) for layer in LAYERS),
                _yes(cls.explicit_activations),
                _yes("mask" in inspect.signature(cls.call).parameters),
                _yes(cls.select_kernel is not Routing.select_kernel),
                ", ".join(f"`{argument}`" for argument in cls.tunable_arguments) or "-",
            ]
        )
    return _table(head, rows)


def _costs(names):
    return _table(["routing", "time and memory"], [[f"`{name}`", cost(name)] for name in names])


def _tables():
    parts = []
    for path in sorted(MEASURED.glob("routings_*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for data in dict.fromkeys(row["data"] for row in rows):
            own = [row for row in rows if row["data"] == data]
            parts += [_title(max(own, key=lambda row: row["seeds"])), _table(*_measured(own))]
    return "\n".join(parts)


def _title(row):
    trained = row["accuracy"]
    learnt = (
        f"{int(row['train_images']):,} pictures, {row['epochs']} epochs, {row['seeds']} seeds, "
        f"{int(row['test_images']):,} test pictures; "
        if trained
        else ""
    )
    return (
        f"### {row['data']}, {row['backend']}\n\n{learnt}{row['hardware']}; {row['versions']}; "
        f"{row['date']}.\n"
    )


def _measured(rows):
    trained = any(row["accuracy"] for row in rows)
    head = [
        "routing",
        *(["test accuracy"] if trained else []),
        "step, ms",
        "x uniform",
        "parameters",
    ]
    cells = []
    for row in rows:
        if row["refused"]:
            cells.append([f"`{row['routing']}`", "refused", *["-"] * (len(head) - 2)])
            continue
        accuracy = []
        if trained:
            mean, error = float(row["accuracy"] or "nan"), float(row["standard_error"] or "nan")
            accuracy = [f"{100 * mean:.2f} ± {100 * error:.2f} %"]
        step = [f"{float(row['milliseconds']):.1f}", row["times_uniform"]]
        cells.append([f"`{row['routing']}`", *accuracy, *step, f"{int(row['parameters']):,}"])
    return head, cells


def _yes(value):
    return "yes" if value else "-"


def _table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
