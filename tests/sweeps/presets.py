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

import copy
import random

import yaml

from tests.sweeps import children

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


def tried(case, folder):
    """Reads and builds a preset; says how that ended, and in which words."""
    from capszoo import zoo
    from capszoo.training.recipe_objects import make_loss
    from capszoo.training.recipe_objects import make_optimizer

    _, content, _, _ = case
    path = folder / "hostile.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")

    def build():
        preset = zoo.read_preset(path)
        zoo.build(preset)
        try:
            make_optimizer(preset.training.optimizer)
            make_loss(preset.training.loss)
        except ValueError as error:
            # The trainer names the file.
            raise ValueError(f"{path}: {error}") from error

    return children.outcome(build, path)


def cases(count, seed):
    """The cases of a seed: the name of a preset, its content, which value changed, to what."""
    presets = contents()
    draw = random.Random(seed)
    for _ in range(count):
        name = draw.choice(sorted(presets))
        yield name, *mutated(presets[name], draw)


if __name__ == "__main__":
    children.main("tests.sweeps.presets", __doc__.splitlines()[0])
