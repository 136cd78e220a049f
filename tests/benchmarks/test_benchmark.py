"""The benchmark runs, counts right and compares like with like; no test here measures speed."""

import importlib
import json
import re

import keras
import numpy as np
import pytest
from keras import ops

import capszoo
from capszoo.benchmarks import benchmark
from capszoo.benchmarks import layer_steps
from capszoo.benchmarks import read_csv
from capszoo.benchmarks import timing
from capszoo.benchmarks.naive import naive
from capszoo.benchmarks.naive_cluster_capsnet import NaiveClusterCapsNet
from capszoo.benchmarks.subjects import make_steps
from capszoo.benchmarks.ucaps3d_routing import UCaps3DRouting
from tests.once import ONCE

# What the machine can do is measured with networks alone.
BENCHMARK = importlib.import_module("capszoo.benchmarks.benchmark")


@ONCE
@pytest.mark.parametrize(
    "name",
    [
        "capsnet_digits",
        "em_capsnet_digits",
        "vb_capsnet_digits",
        "cluster_capsnet_digits",
        "inverted_attention_capsnet_digits",
        "self_routing_capsnet_smallnorb",
        "deepcaps_digits",
        "segcaps_digit_scenes",
        "ucaps3d_generated_volumes",
    ],
)
def test_straightforward_routing_is_the_same_routing(name, rng):
    """What is compared computes the same: a network's scores with either."""
    model = capszoo.load(name)
    config = model.get_config()
    config["routing"] = keras.saving.serialize_keras_object(naive(model.routing))
    if "cell_routing" in config:
        cell_routing = naive(capszoo.routing.get(config["cell_routing"]))
        config["cell_routing"] = keras.saving.serialize_keras_object(cell_routing)
    other = type(model).from_config(config)
    other.set_weights(model.get_weights())
    images = rng.integers(0, 256, size=(2, *model.example_shape)).astype("uint8")
    with capszoo.kernels.disabled():
        expected = other.predict(images, verbose=0)
    np.testing.assert_allclose(expected, model.predict(images, verbose=0), atol=1e-4)


@pytest.mark.parametrize("name", ["attention", "star", "interest"])
def test_straightforward_call_is_the_same_call(name, rng):
    votes = rng.normal(size=(2, 3, 4, 6, 5)).astype("float32")
    routing = capszoo.routing.get(name)
    expected = routing(votes, return_coupling=True)
    other = naive(routing)
    other.build(votes.shape)
    other.set_weights(routing.get_weights())
    found = other(votes, return_coupling=True)
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_allclose(*map(ops.convert_to_numpy, (one, two)), atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="plain PyTorch")
def test_routing_of_ucaps3d_is_the_same_routing(rng):
    votes = rng.normal(size=(2, 7, 3, 4, 5)).astype("float32")
    routings = [capszoo.routing.DynamicRouting(agreement="cosine"), UCaps3DRouting()]
    expected, found = (ops.convert_to_numpy(routing(votes)) for routing in routings)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@ONCE
@pytest.mark.parametrize("name", ["segcaps_digit_scenes", "ucaps3d_generated_volumes"])
def test_networks_that_segment(name):
    steps = make_steps(name, 2, fixed=[("margin_weight", 0.1)])
    assert [step.kind for step in steps] == ["inference", "training"]
    for step in steps:
        step.run()


def test_arguments_of_all_variants():
    steps = make_steps("segcaps", 1, [("kernel_size", 3)], fixed=[("image_shape", (16, 16, 1))])
    assert [step.variant for step in steps] == 2 * ["default", "kernel_size=3"]
    assert steps[1].operations < steps[0].operations < 1e9  # of 512x512 pixels it were 2e11


def test_what_is_compared_with_has_no_kernels(monkeypatch):
    """A network at once and the straightforward one ask no door that the network itself asks."""
    asked = []
    door = capszoo.kernels.dynamic
    tiled = door.tiled_dynamic
    monkeypatch.setattr(tiled, "supports", lambda *_, **__: asked.append(True) or False)
    steps = make_steps("capsnet_digits", 2, with_naive=True)
    for step in steps:
        asked.clear()
        if step.kind == "inference":
            step.run()
            assert bool(asked) == (step.variant == "default")


def test_straightforward_cluster_network_is_the_same_network(rng):
    model = capszoo.load("cluster_capsnet_digits")
    other = NaiveClusterCapsNet.like(model)
    weights = []
    for number in range(len(model.strides)):
        capsules = model.get_layer(f"capsules_{number + 1}")
        kernels, biases = map(ops.convert_to_numpy, (capsules.kernel, capsules.bias))
        # By child, and within one the votes slowest, then the parents.
        biases = biases.reshape(biases.shape[0], -1, model.cluster_size, model.pose_dim)
        biases = biases.transpose(1, 2, 0, 3)
        for kernel, bias in zip(kernels, biases, strict=True):
            weights += [kernel.reshape(*kernel.shape[:3], -1), bias.reshape(-1)]
        normalization = model.get_layer(f"normalization_{number + 1}")
        weights += [np.squeeze(ops.convert_to_numpy(one), 2) for one in normalization.weights]
    other.set_weights([*weights, *model.get_layer("read_out").get_weights()])
    images = rng.integers(0, 256, size=(4, *model.image_shape)).astype("uint8")
    np.testing.assert_allclose(
        other.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-4
    )


def test_no_straightforward_routing():
    with pytest.raises(ValueError, match=r"DynamicRouting, EM.*Received: SelfAttentionRouting"):
        naive(capszoo.routing.get("self_attention"))


@ONCE
def test_network(tmp_path):
    rows = benchmark(
        ["capsnet_digits"],
        [2],
        [("routing", {"name": "dynamic", "iterations": 1})],
        with_naive=True,
        repeats=1,
    )
    assert [(row["step"], row["variant"]) for row in rows] == [
        (step, variant)
        for step in ("inference", "training")
        for variant in (
            "naive",
            "all votes at once",
            "default",
            "routing=dynamic, iterations=1",
        )
    ]
    for row in rows:
        assert capszoo.benchmarks.report.Measurement(**row)
        assert row["milliseconds"] > 0
        assert row["floor_milliseconds"] > 0
        assert row["backend"] == keras.backend.backend()
    assert rows[0]["speedup"] == rows[4]["speedup"] == 1
    assert rows[3]["gigaflops"] < rows[2]["gigaflops"] < rows[6]["gigaflops"]
    capszoo.benchmarks.write_csv(tmp_path / "rows.csv", rows)
    assert [row["milliseconds"] for row in read_csv(tmp_path / "rows.csv")] == [
        str(row["milliseconds"]) for row in rows
    ]


# Fewer capsules than in the papers' networks.
SMALL_LAYERS = {
    "DenseCapsules": (48, 8),
    "ConvCapsules2D": (5, 5, 2, 16),
    "ConvCapsules3D": (4, 4, 4, 2, 4),
    "ClassCapsules": (2, 2, 2, 16),
}


@ONCE
@pytest.mark.parametrize("name", list(SMALL_LAYERS))
def test_layer(name, monkeypatch):
    # Memory is measured with networks and by the command.
    monkeypatch.setattr(BENCHMARK, "measure_floors", lambda: (1e11, 1e10))
    monkeypatch.setattr(BENCHMARK, "peak_memory", lambda function: None)
    _, arguments = layer_steps._LAYERS[name]
    monkeypatch.setitem(layer_steps._LAYERS, name, (SMALL_LAYERS[name], arguments))
    routing = {"name": "dynamic", "iterations": 1}
    rows = benchmark([name], [1], [("routing", routing)], with_naive=True, repeats=1)
    own = name == "ConvCapsules3D" and keras.backend.backend() == "torch"
    assert [row["variant"] for row in rows] == 2 * [
        "naive",
        *(["3D-UCaps in PyTorch"] if own else []),
        "default",
        "routing=dynamic, iterations=1",
    ]
    assert all(row["milliseconds"] > 0 for row in rows)


def test_more_iterations_are_more_work():
    steps = make_steps("routing", 1, [("iterations", 5)])
    at = {(step.variant, step.kind): step.operations for step in steps}
    # 8 numbers of each child and two passes an iteration, to which 5 instead of 3.
    assert at["iterations=5", "training"] / at["default", "training"] == pytest.approx(
        18 / 14, rel=1e-4
    )


@ONCE
def test_convolutions(monkeypatch):
    """Each layer with windows once, however many presets have it; of the same work as in models."""
    monkeypatch.setattr(
        capszoo.zoo, "list_presets", lambda: ["efficient_capsnet_digits", "em_capsnet_digits"] * 2
    )
    steps = make_steps("convolutions", 2)
    training = [step for step in steps if step.kind == "training"]
    assert len(steps) == 2 * len(training) == 2 * len({step.variant for step in steps})
    kinds = {step.variant.split()[0] for step in training}
    assert kinds == {
        "Conv2D",
        "ConvCapsules2D",
        "DepthwisePrimaryCapsules",
        "ActivatedPrimaryCapsules",
    }
    convolution = next(step for step in training if step.variant.startswith("Conv2D 8x8x1"))
    assert convolution.operations > 0
    for step in training:
        step.run()


def test_variants_take_turns():
    calls = []
    timing.median_seconds([lambda: calls.append("a"), lambda: calls.append("b")], repeats=3)
    assert "".join(calls) == "aabb" * 3


def test_peak_memory():
    held = []

    def allocate():
        held.append(np.ones(10_000_000, "float32"))
        held.clear()

    peak = timing.peak_memory(allocate)
    if keras.backend.backend() == "tensorflow":
        assert peak is None
    elif peak is not None:
        assert 35e6 < peak < 60e6


@ONCE
def test_command(run, tmp_path, monkeypatch):
    monkeypatch.setattr(BENCHMARK, "measure_floors", lambda: (1e11, 1e10))
    path = tmp_path / "new" / "x.csv"
    code, out, _ = run(
        "benchmark", "routing", "--batch", 1, "--repeats", 1, "--csv", path, "--json"
    )
    assert code == 0
    rows = json.loads(out)
    assert [row["variant"] for row in rows[:3]] == ["naive", "all votes at once", "default"]
    assert len(read_csv(path)) == len(rows) == 6


def test_a_place_that_cannot_be_written_is_refused_before_measuring(run, tmp_path, monkeypatch):
    monkeypatch.setattr("capszoo.benchmarks.benchmark", lambda *_, **__: pytest.fail("measured"))
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "x.csv"):
        code, _, err = run("benchmark", "routing", "--csv", path)
        assert code != 0
        assert "file" in err.lower()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["nothing"],
            r"routing, convolutions, a layer \(Dense.*\), a family \(.*capsnet.*\) or a preset",
        ),
        (["capsnet_digits", "--batch", "0"], "batches"),
        (["capsnet_digits", "--repeats", "0"], "repeats"),
        (["capsnet_digits", "--compare", "iterations"], "Expected --compare KEY=VALUE"),
        (["capsnet_digits", "--compare", "iteration=2"], "iteration"),
        (["efficient_capsnet_digits", "--naive"], "of AttentionRouting, Clu"),
        (["routing", "--compare", "iteration=2"], "argument of DynamicRouting.*iteration=2"),
        (["routing", "--compare", "iterations=0"], "argument of DynamicRouting.*iterations"),
        (["DenseCapsules", "--compare", "poses=2"], "arguments passed to DenseCapsules.*poses"),
        (["capsnet_digits", "--backend", "theano"], "theano"),
    ],
    ids=str,
)
def test_bad_input(arguments, message, run):
    code, _, err = run("benchmark", *arguments)
    assert code == 2

    assert re.search(message, err), err
