"""Parse trees: the strongest children are those that gave most, where the parent sees them."""

import keras
import numpy as np
import pytest

import capszoo
from tests.once import ONCE


@pytest.fixture(scope="module")
def model():
    return capszoo.load("em_capsnet_digits")


@pytest.fixture(scope="module")
def image():
    return capszoo.data.load("digits", "test")[0][0]


def test_the_class_capsule_chooses_by_coupling_and_activation(model, image):
    edges = capszoo.visualization.parse_tree(model, image, strongest=4)
    top = [edge for edge in edges if edge.parent.layer == "class_capsules"]
    below = model.get_layer("class_capsules").input
    _, activations = keras.Model(model.input, below).predict(image[None], verbose=0)
    best = int(model.predict(image[None], verbose=0).argmax())
    given = model.coupling(image[None])[0, best] * activations[0].reshape(-1)
    shares = np.sort(given / given.sum())[::-1][:4]
    np.testing.assert_allclose([edge.share for edge in top], shares, rtol=1e-3)
    strongest = np.unravel_index(given.argmax(), activations.shape[1:])
    assert (*top[0].child.position, top[0].child.type) == strongest
    assert {edge.parent.type for edge in top} == {best}


def test_children_stand_in_their_parents_window(model, image):
    layer = model.get_layer("conv_capsules_1")
    edges = capszoo.visualization.parse_tree(model, image)
    own = [edge for edge in edges if edge.parent.layer == "conv_capsules_1"]
    assert own
    assert {edge.child.layer for edge in own} == {"children"}
    for edge in own:
        for at, child, kernel, stride in zip(
            edge.parent.position,
            edge.child.position,
            layer.kernel_size,
            layer.strides,
            strict=True,
        ):
            start = at * stride
            assert layer.padding == "valid"
            assert start <= child < start + kernel
        assert 0 < edge.share <= 1


@ONCE
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("capsnet_digits", "a single layer"),
        ("cluster_capsnet_digits", "children of layer 'capsules_1' are whole windows"),
    ],
)
def test_what_has_no_tree_says_why(name, reason, image):
    model = capszoo.load(name)
    with pytest.raises(ValueError, match=reason):
        capszoo.visualization.parse_tree(model, image)
