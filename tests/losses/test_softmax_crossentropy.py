"""Softmax cross-entropy against NumPy, with every form of labels."""

import numpy as np
import pytest

from capszoo.losses import SoftmaxCrossentropy


@pytest.mark.parametrize(
    "labels", [np.array([2, 0]), np.array([[2], [0]]), np.array([[0, 0, 1], [1, 0, 0]])]
)
def test_against_numpy(labels, rng):
    scores = rng.normal(size=(2, 3)).astype("float32")
    softmax = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    expected = -np.log(softmax[[0, 1], [2, 0]]).mean()
    assert float(SoftmaxCrossentropy()(labels, scores)) == pytest.approx(expected, abs=1e-5)


def test_soft_labels(rng):
    scores, soft = (
        rng.normal(size=(2, 3)).astype("float32"),
        np.array([[0.7, 0.3, 0], [0, 0.1, 0.9]]),
    )
    softmax = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    expected = -(soft * np.log(softmax)).sum(axis=-1).mean()
    assert float(SoftmaxCrossentropy()(soft, scores)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("form", [[1, 0], [[1], [0]]], ids=str)
def test_a_single_class_by_a_sigmoid(form):
    scores = np.array([[0.3], [1.2]], "float32")
    yes = 1 / (1 + np.exp(-scores[:, 0]))
    expected = -np.log([yes[0], 1 - yes[1]]).mean()
    assert float(SoftmaxCrossentropy()(np.array(form), scores)) == pytest.approx(expected, abs=1e-5)


def test_several_labels_share(rng):
    scores = rng.normal(size=(1, 3)).astype("float32")
    both = float(SoftmaxCrossentropy()(np.array([[1, 0, 1]]), scores))
    each = [float(SoftmaxCrossentropy()(np.array([label]), scores)) for label in (0, 2)]
    assert both == pytest.approx(np.mean(each), abs=1e-5)
