"""U-Nets against a computation of their own, and sizes of every kind."""

import numpy as np
import pytest
from scipy import ndimage

import capszoo
from capszoo.models.inputs.masks import search_masks
from tests.layer_checks import to_numpy

CASES = {
    # Sizes that halve evenly and others.
    "2-D": (capszoo.models.UNet2D, {"image_shape": (7, 10, 2), "rescaling": 1.0}),
    "3-D": (capszoo.models.UNet3D, {"volume_shape": (4, 3, 6, 2)}),
}


def convolve(features, kernel):
    """A convolution padded by zeros, filter by filter and channel by channel."""
    *_, channels, filters = kernel.shape
    found = [
        sum(
            ndimage.correlate(features[..., c], kernel[..., c, f], mode="constant")
            for c in range(channels)
        )
        for f in range(filters)
    ]
    return np.stack(found, axis=-1)


def block(features, weights):
    for _ in range(2):
        kernel, gamma, beta = (next(weights) for _ in range(3))
        features = convolve(features, kernel)
        axes = tuple(range(features.ndim - 1))
        centered = features - features.mean(axes)
        features = np.maximum(gamma * centered / np.sqrt(features.var(axes) + 1e-3) + beta, 0)
    return features


def by_hand(features, weights, levels):
    """The probabilities for one example, level by level."""
    weights, seen = iter(weights), []
    rank = features.ndim - 1
    features = block(features, weights)
    for _ in range(levels - 1):
        seen.append(features)
        for axis in range(rank):
            odd = features.shape[axis] % 2
            around = [(0, odd * (axis == at)) for at in range(rank + 1)]
            features = np.pad(features, around, constant_values=-np.inf)
            pairs = np.split(features, features.shape[axis] // 2, axis)
            features = np.stack([pair.max(axis) for pair in pairs], axis)
        features = block(features, weights)
    for finer in reversed(seen):
        for axis in range(rank):
            features = features.repeat(2, axis).take(range(finer.shape[axis]), axis)
        features = block(np.concatenate([finer, features], axis=-1), weights)
    scores = np.exp(convolve(features, next(weights)) + next(weights))
    return scores / scores.sum(-1, keepdims=True)


@pytest.mark.parametrize("case", CASES)
def test_against_a_computation_of_its_own(case, rng):
    cls, arguments = CASES[case]
    model = cls(**arguments, num_classes=3, filters=(2, 3, 2), normalization=None)
    weights = [rng.normal(size=one.shape).astype("float32") for one in model.get_weights()]
    model.set_weights(weights)
    examples = rng.normal(size=(2, *model.example_shape)).astype("float32")
    found = to_numpy(model(examples)["probabilities"])
    for example, own in zip(examples, found, strict=True):
        np.testing.assert_allclose(own, by_hand(example, weights, levels=3), atol=1e-4)


def test_what_a_search_chooses():
    values = {"levels": 3, "filters": 6, "other": 1}
    found = capszoo.models.UNet3D.search_arguments(values)
    assert found == {"filters": [6, 12, 24], "other": 1}
    loss = {"SegmentationLoss": {"class_weights": [0.1, 1.0]}}
    searched = capszoo.models.UNet2D.search_loss({"dice_weight": 2.0}, loss)
    assert searched == {"SegmentationLoss": {"class_weights": [0.1, 1.0], "dice_weight": 2.0}}

    noise = {"RandomIntensity": {"noise": 0.1}}
    data = {"augmentation": [noise, {"RandomAffine": {"flip_axes": [0], "rotation": 5}}]}
    values = {"rotation": 20.0, "scale": 0.0, "other": 1}
    moved = {"RandomAffine": {"flip_axes": [0], "rotation": 20.0}}
    assert search_masks(values, data) == {"augmentation": [moved, noise]}
    assert values == {"other": 1}
    assert search_masks({"rotation": 0.0, "scale": 0.0}, {"name": "x"}) == {
        "name": "x",
        "augmentation": [],
    }
