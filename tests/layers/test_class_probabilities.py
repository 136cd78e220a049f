"""Probabilities by the lengths of class capsules."""

import numpy as np
import pytest

from capszoo.layers import ClassProbabilities
from tests.layer_checks import evaluate
from tests.layer_checks import gradients
from tests.layer_checks import run_layer_test


@pytest.mark.parametrize(("capsules", "classes"), [(1, 2), (4, 4)])
def test_layer(capsules, classes, rng):
    layer, _ = run_layer_test(
        ClassProbabilities, {}, (2, 5, 3, capsules), (2, 5, 3, classes), weights=0
    )
    lengths = rng.uniform(size=(2, 5, 3, capsules)).astype("float32")
    found = evaluate(layer, lengths)
    powers = np.exp(10.0 * lengths)
    expected = powers / powers.sum(-1, keepdims=True)
    if capsules == 1:
        expected = np.concatenate([1 - lengths, lengths], axis=-1)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(found.sum(-1), 1.0, atol=1e-6)


def test_lengths_of_any_size():
    """Some routings give longer poses than 1: these are no probabilities above 1."""
    lengths = np.array([[0.0], [1.0], [7.0]], "float32")
    np.testing.assert_array_equal(evaluate(ClassProbabilities(), lengths), [[1, 0], [0, 1], [0, 1]])
    (found,) = gradients(ClassProbabilities(), lengths)
    assert np.isfinite(found).all()
