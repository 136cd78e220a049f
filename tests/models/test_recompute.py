"""Recomputed votes: the same training, with less kept for the gradient."""

import math

import keras
import numpy as np
import pytest

import capszoo
from tests.layer_checks import outputs_of


def trained(name, images, recompute):
    model = capszoo.load(name)
    config = {**model.get_config(), "recompute": recompute}
    weights = model.get_weights()
    model = type(model).from_config(config)
    model.set_weights(weights)
    model.compile(optimizer=keras.optimizers.SGD(0.1))
    model.train_on_batch(images, np.arange(len(images)))
    return model


@pytest.mark.parametrize(
    "name", ["em_capsnet_digits", "vb_capsnet_digits", "cluster_capsnet_digits"]
)
def test_trains_alike(name, rng):
    images = rng.integers(0, 256, size=(4, 8, 8, 1)).astype("uint8")
    kept, made_again = (trained(name, images, recompute) for recompute in (False, True))
    for one, other in zip(kept.get_weights(), made_again.get_weights(), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        made_again.predict(images, verbose=0), kept.predict(images, verbose=0), atol=1e-5
    )


def layer_and_inputs(rng, recompute):
    """A layer that keeps its votes, unless told otherwise, and how many numbers these are."""
    poses = rng.normal(size=(2, 6, 6, 4, 16)).astype("float32")
    layer = capszoo.layers.ConvCapsules2D(
        4, 16, 3, votes_from="positions", routing="scaled_distance", recompute=recompute
    )
    layer.build(poses.shape)
    return layer, poses, math.prod((2, *layer.compute_votes_shape(poses.shape)[1:]))


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="counts what PyTorch keeps")
def test_keeps_less(rng):
    import torch

    kept = {}
    for recompute in (False, True):
        layer, poses, votes = layer_and_inputs(rng, recompute)
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor, sizes=sizes: sizes.append(tensor.numel()) or tensor, lambda kept: kept
        ):
            layer(torch.tensor(poses, requires_grad=True))
        kept[recompute] = sum(sizes)
    assert kept[False] > votes > 4 * kept[True]


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="reads what JAX keeps")
def test_jax_keeps_less(rng):
    import jax

    kept = {}
    for recompute in (False, True):
        layer, poses, votes = layer_and_inputs(rng, recompute)
        _, backward = jax.vjp(layer, poses)
        kept[recompute] = sum(leaf.size for leaf in jax.tree.leaves(backward))
    # The transforms are among what is kept.
    assert kept[False] - kept[True] > votes > kept[True]


@pytest.mark.parametrize(
    ("routing", "share_types", "all_again"),
    [
        ("cluster", False, False),
        ("em", False, False),
        ("cluster", True, True),
        ("em", True, True),
        ("dynamic", False, False),
        ("scaled_distance", False, True),
    ],
)
def test_what_is_in_tiles_is_not_done_again(routing, share_types, all_again, monkeypatch):
    done_again = []
    monkeypatch.setattr(keras, "remat", lambda function: done_again.append(function) or function)
    layer = capszoo.layers.ConvCapsules2D(
        4, 16, 3, routing=routing, share_types=share_types, recompute=True
    )
    outputs_of(layer, np.ones((2, 6, 6, 4, 16), "float32"))
    assert bool(done_again) == all_again


def test_dense_capsules_in_tiles_are_not_done_again(monkeypatch):
    monkeypatch.delattr(keras, "remat")
    capszoo.layers.DenseCapsules(3, 4, recompute=True)(np.ones((2, 5, 6), "float32"))


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="XLA tells what a step needs")
def test_cluster_routing_makes_its_votes_again(rng, monkeypatch):
    import jax

    # Of few votes there is one tile, and XLA decides what is made twice.
    monkeypatch.setattr("capszoo.kernels.tiled_cluster.rows_per_tile", lambda _: 4)
    poses = rng.normal(size=(2, 6, 6, 4, 8)).astype("float32")
    memory = {}
    for recompute in (False, True):
        layers = [
            capszoo.layers.ConvCapsules2D(
                4, 8, 3, padding="same", routing="cluster", recompute=recompute
            )
            for _ in range(3)
        ]
        network = keras.Sequential([keras.Input(poses.shape[1:]), *layers])
        step = jax.grad(lambda poses, network=network: network(poses).sum())
        compiled = jax.jit(step).lower(poses).compile()
        memory[recompute] = compiled.memory_analysis().temp_size_in_bytes
    votes = math.prod((2, *layers[0].compute_votes_shape(poses.shape)[1:]))
    # All three keep theirs, or none.
    assert memory[False] - memory[True] > 2 * 4 * votes
