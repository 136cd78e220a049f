"""Recomputed votes: the same training, with less kept for the gradient."""

import math

import keras
import numpy as np
import pytest

import capszoo


def trained(name, images, recompute):
    model = capszoo.load(name)
    config = {**model.get_config(), "recompute": recompute}
    weights = model.get_weights()
    model = type(model).from_config(config)
    model.set_weights(weights)
    model.compile(optimizer=keras.optimizers.SGD(0.1))
    model.train_on_batch(images, np.arange(len(images)))
    return model


@pytest.mark.parametrize("name", ["em_capsnet_digits", "cluster_capsnet_digits"])
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
