"""Recomputed votes: the same training, with less kept for the gradient."""

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


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="counts what PyTorch keeps")
def test_keeps_less(rng):
    import torch

    images = rng.integers(0, 256, size=(4, 8, 8, 1)).astype("float32")
    kept = {}
    for recompute in (False, True):
        config = {**capszoo.load("em_capsnet_digits").get_config(), "recompute": recompute}
        model = capszoo.models.EMCapsNet.from_config(config)
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor, sizes=sizes: sizes.append(tensor.numel()) or tensor, lambda kept: kept
        ):
            model(images)
        kept[recompute] = sum(sizes)
    assert kept[True] < kept[False] / 4


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="reads what JAX keeps")
def test_jax_keeps_less(rng):
    import jax

    poses = rng.normal(size=(2, 6, 6, 4, 16)).astype("float32")
    presence = rng.random((2, 6, 6, 4)).astype("float32")
    kept = {}
    for recompute in (False, True):
        layer = capszoo.layers.ConvCapsules2D(
            4, 16, 3, votes_from="positions", routing="em", recompute=recompute
        )
        layer.build([poses.shape, presence.shape])
        _, backward = jax.vjp(lambda *inputs, layer=layer: layer(inputs), poses, presence)
        kept[recompute] = sum(leaf.size for leaf in jax.tree.leaves(backward))
    positions, children, parents, pose_size = 4 * 4, 3 * 3 * 4, 4, 16
    votes = len(poses) * positions * children * parents * pose_size
    assert kept[False] > votes > kept[True]
    assert kept[False] - kept[True] > votes
