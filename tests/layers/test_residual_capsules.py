"""Where the skips of a residual stack are, and what they add."""

import keras
import numpy as np
import pytest

from capszoo.layers import DenseCapsules
from capszoo.layers import ResidualCapsules
from capszoo.layers.residual_capsules import skips
from tests.layer_checks import outputs_of
from tests.layer_checks import to_numpy


def pairs(layers, mode, distance):
    """Skips of a stack of layers of one shape, counted as the papers do: from layer 0."""
    shapes = ["input", *["capsules"] * layers]
    return [(to - 1, start - 1) for to, start in skips(shapes, mode, distance)]


def test_the_papers_skips():
    assert pairs(16, "paper", 2) == [(i, i - 2) for i in (2, 4, 6, 8, 10, 12, 14)]
    assert pairs(16, "paper", 3) == [(i, i - 3) for i in (3, 6, 9, 12, 15)]
    assert pairs(9, "paper_convolutional", 2) == [(2, 0), (5, 3), (8, 6)]
    assert pairs(12, "paper_convolutional", 3) == [(3, 0), (7, 4), (11, 8)]
    # Seven layers, the last of another shape.
    shapes = ["input", *["capsules"] * 6, "classes"]
    assert [(to - 1, start - 1) for to, start in skips(shapes, "paper", 2)] == [(2, 0), (4, 2)]


def test_identity_begins_where_shapes_allow_it():
    assert skips(["capsules"] * 7, "identity", 2) == [(2, 0), (4, 2), (6, 4)]
    assert skips(["input", *["capsules"] * 6], "identity", 2) == [(3, 1), (5, 3)]
    assert skips(["input", *["capsules"] * 2], "identity", 2) == []
    assert skips(["input", "capsules"], "identity", 2) == []


def make(mode, **arguments):
    layers = [DenseCapsules(5, 4, kernel_initializer="normal") for _ in range(5)]
    return ResidualCapsules(layers, mode=mode, **arguments)


@pytest.mark.parametrize("squash", [False, True])
@pytest.mark.parametrize("mode", [None, "identity", "paper", "paper_convolutional"])
def test_against_the_sum_by_hand(mode, squash, rng):
    poses = rng.normal(size=(2, 5, 4)).astype("float32")
    stack = make(mode, squash=squash)
    found = outputs_of(stack, poses)

    def add(x, y):
        total = to_numpy(x) + to_numpy(y)
        length = np.linalg.norm(total, axis=-1, keepdims=True)
        return length * total / (1 + length**2) if squash else total

    f = stack.layers
    if mode is None:
        x = f[4](f[3](f[2](f[1](f[0](poses)))))
    elif mode == "identity":
        x = add(f[1](f[0](poses)), poses)
        x = add(f[3](f[2](x)), x)
        x = f[4](x)
    else:
        y0 = f[0](poses)
        y2 = f[2](f[1](y0))
        y4 = f[4](f[3](add(y2, y0)))
        x = add(y4, y2) if mode == "paper" else y4
    np.testing.assert_allclose(found, to_numpy(x), atol=1e-5)


def test_without_the_layers_identity_is_the_identity(rng):
    poses = rng.normal(size=(2, 5, 4)).astype("float32")
    layers = [
        DenseCapsules(
            5, 4, kernel_initializer="zeros", routing={"name": "dynamic", "use_bias": False}
        )
        for _ in range(4)
    ]
    np.testing.assert_allclose(outputs_of(ResidualCapsules(layers), poses), poses, atol=1e-6)


def test_config_and_shapes():
    stack = make("paper", skip_distance=3)
    again = keras.layers.deserialize(keras.layers.serialize(stack))
    assert again.get_config() == stack.get_config()
    assert stack(keras.KerasTensor((None, 7, 4))).shape == (None, 5, 4)


@pytest.mark.parametrize("routing", ["em", "scaled_distance"])
def test_other_routings(routing, rng):
    layers = [DenseCapsules(5, 4, routing=routing) for _ in range(3)]
    outputs = outputs_of(ResidualCapsules(layers), rng.normal(size=(2, 5, 4)).astype("float32"))
    assert outputs.shape == (2, 5, 4)
    assert np.isfinite(outputs).all()


@pytest.mark.parametrize("arguments", [{"layers": []}, {"mode": "residual"}, {"skip_distance": 0}])
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        ResidualCapsules(**{"layers": [DenseCapsules(5, 4)], **arguments})
