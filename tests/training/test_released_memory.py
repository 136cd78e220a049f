"""A training leaves nothing behind."""

import gc

import keras
import numpy as np
import pytest

import capszoo
from capszoo.training.released_memory import released_memory
from capszoo.tuning.sweep import random_point


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="counts TensorFlow's graphs")
def test_graphs_are_freed(rng):
    from tensorflow.python.framework.func_graph import FuncGraph

    images = rng.integers(0, 256, size=(8, 8, 8, 1)).astype("uint8")
    hypermodel = capszoo.tuning.CapsuleHyperModel("capsnet", (8, 8, 1), 10)
    left = []
    for _ in range(3):
        with released_memory():
            hp = random_point(hypermodel, seed=0)
            model = hypermodel.build(hp)
            hypermodel.fit(hp, model, images, np.arange(8), verbose=0)
            del model
        left.append(sum(type(one) is FuncGraph for one in gc.get_objects()))
    assert left[2] <= left[0] + 1


def test_gradients_of_others_stay(rng):
    """A network made before can still be trained."""
    images = rng.integers(0, 256, size=(4, 8, 8, 1)).astype("uint8")
    other = capszoo.load("capsnet_digits")
    other.compile()
    other.train_on_batch(images, np.arange(4))
    with released_memory():
        inner = capszoo.load("capsnet_digits")
        inner.compile()
        inner.train_on_batch(images, np.arange(4))
        del inner
    assert np.isfinite(other.train_on_batch(images[:3], np.arange(3))).all()
