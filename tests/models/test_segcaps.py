"""SegCaps: the paper's network, its two forms, and what any number of classes and images get."""

import keras
import numpy as np
import pytest

from capszoo.layers import ConvCapsules2D
from capszoo.layers import TransposedConvCapsules2D
from capszoo.models import SegCaps
from capszoo.routing import UniformRouting
from tests.layer_checks import evaluate
from tests.once import ONCE

SMALL = {
    "image_shape": (16, 16, 1),
    "conv_filters": 4,
    "kernel_size": 3,
    "primary_dim": 4,
    "capsule_types": (2, 3),
    "capsule_dims": (4, 6),
    "decoder_types": (2,),
    "class_dim": 4,
    "reconstruction_filters": (5,),
}

# Compiling takes as long as there are layers.
SHALLOW = {"capsule_types": (2,), "capsule_dims": (4,), "decoder_types": ()}


def small(**changes):
    return SegCaps(**{**SMALL, **changes})


def scenes(count, channels=1, classes=2):
    """A bright square in noise, and where it is."""
    random = np.random.default_rng(0)
    images = random.uniform(0, 90, size=(count, 16, 16, channels))
    masks = np.zeros((count, 16, 16), "uint8")
    for image, mask in zip(images, masks, strict=True):
        top, left = random.integers(0, 9, size=2)
        image[top : top + 8, left : left + 8] += 120
        mask[top : top + 8, left : left + 8] = random.integers(1, classes)
    return images.astype("uint8"), masks


@ONCE
def test_which_layers_route():
    """R3 iterates everywhere after the primary capsules, R1 where the resolution changes."""
    resized = {"down_1", "up_2", "up_1"}
    others = {"encoder_1", "encoder_2", "decoder_1", "class_capsules"}
    for routed_layers, expected in (("all", resized | others), ("resolution_changes", resized)):
        model = small(routed_layers=routed_layers, routing={"name": "dynamic", "iterations": 2})
        layers = [
            layer
            for layer in model.layers
            if isinstance(layer, ConvCapsules2D | TransposedConvCapsules2D)
        ]
        assert len(layers) == 8
        routed = {one.name for one in layers if not isinstance(one.routing, UniformRouting)}
        assert routed == expected
        assert {one.routing.iterations for one in layers if one.name in routed} == {2}
        assert model.routing.iterations == 2


@pytest.mark.parametrize("classes", [2, 4])
def test_a_batch_of_two_is_two_batches_of_one(classes):
    """The released layer mixes the capsules of different images."""
    model = small(num_classes=classes)
    images, _ = scenes(2)
    together = evaluate(model, images)
    for index in range(2):
        for name, output in evaluate(model, images[index : index + 1]).items():
            found = together[name][index]
            np.testing.assert_allclose(found, output[0], atol=1e-5, err_msg=name)
    assert np.abs(np.diff(together["probabilities"], axis=0)).max() > 1e-3


@pytest.mark.parametrize("classes", [2, 3])
def test_outputs(classes):
    model = small(num_classes=classes, image_shape=(16, 24, 2))
    outputs = evaluate(model, np.zeros((3, 16, 24, 2), "uint8"))
    shapes = {name: output.shape for name, output in outputs.items()}
    assert shapes["probabilities"] == shapes["lengths"] == (3, 16, 24, classes)
    assert shapes["poses"] == (3, 16, 24, 1 if classes == 2 else 3, 4)
    assert shapes["reconstructions"] == (3, 16, 24, 2)
    np.testing.assert_allclose(np.sum(outputs["probabilities"], axis=-1), 1, atol=1e-5)
    lengths = np.linalg.norm(outputs["poses"], axis=-1)
    if classes == 2:
        np.testing.assert_allclose(outputs["probabilities"][..., 1], lengths[..., 0], atol=1e-3)
    else:
        np.testing.assert_allclose(outputs["lengths"], lengths, atol=1e-3)


@pytest.mark.parametrize("arguments", [{}, {"dtype": "mixed_bfloat16", "num_classes": 3}])
def test_learns(arguments):
    images, masks = scenes(8, classes=arguments.get("num_classes", 2))
    model = small(**SHALLOW, **arguments)
    model.compile(optimizer=keras.optimizers.Adam(0.02))
    losses = model.fit(images, masks, epochs=6, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    assert model.predict(images, verbose=0).dtype == "float32"


@ONCE
def test_a_routing_with_explicit_activations():
    """They are the lengths of what the next layer is given."""
    images, masks = scenes(2)
    model = small(**SHALLOW, routing="em")
    model.compile()
    history = model.fit(images, masks, verbose=0).history
    assert np.isfinite(history["loss"]).all()


@ONCE
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image_shape": (18, 16, 1)}, "divisible by 4.*18"),
        ({"capsule_dims": (4,)}, "`capsule_dims` must be of one length"),
        ({"capsule_types": (), "capsule_dims": (), "decoder_types": ()}, "at least 1"),
        ({"decoder_types": (2, 2)}, "shorter by one"),
        ({"routed_layers": "some"}, "routed_layers.*some"),
        ({"reconstruction_filters": None, "reconstruction_weight": 0.1}, "reconstruction"),
    ],
)
def test_wrong_arguments(changes, words):
    with pytest.raises(ValueError, match=words):
        small(**changes)
