"""FacePartsCapsNet: its loss by hand, the parts that it gives of pictures, and what it refuses."""

import keras
import numpy as np
import pytest

import capszoo
from tests.models.test_families import SMALL
from tests.models.test_families import digits
from tests.once import ONCE


def make(**arguments):
    return capszoo.models.FacePartsCapsNet(**{**SMALL["face_parts_capsnet"], **arguments})


def entropy(amounts):
    shares = amounts / amounts.sum(axis=-1, keepdims=True)
    return -(shares * np.log(shares)).sum(axis=-1)


@pytest.mark.parametrize("weights", [None, [1, 0, 2, 0, 0, 3]])
def test_the_loss_by_hand(weights):
    images, _ = digits(6)
    model = make(pixel_deviation=0.5)
    model.compile()
    of = {key: np.float64(model.predict_output(key, images)) for key in model.output}
    shares, drawn = np.exp(of["visible"]), of["drawn"]
    density = np.exp(-(((images[:, None] / 255 - drawn) / 0.5) ** 2) / 2) / np.sqrt(2 * np.pi) / 0.5
    likelihood = np.log((shares * density).sum(axis=1)).mean(axis=(1, 2, 3))
    likelihood += 0.1 * (of["presence"] * of["place_density"]).mean(axis=1)
    likelihood = (likelihood * (1 if weights is None else np.array(weights))).mean()
    areas = shares.mean(axis=(2, 3, 4))
    belongs = of["belongs"].transpose(0, 2, 1).reshape(-1, 3)
    expected = (
        -likelihood
        - 0.1 * entropy(areas.sum(axis=0))
        - 0.1 * entropy(belongs.sum(axis=0))
        + 0.1 * entropy(belongs + 1e-16).mean()
    )
    given = None if weights is None else np.array(weights, "float32")
    # Keras leaves weights out where there is nothing beside the examples.
    found = model.evaluate(images, images, sample_weight=given, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(expected, rel=1e-4)
    error = np.mean((model.reconstruct(images) - images / 255) ** 2)
    assert found["reconstruction_error"] == pytest.approx(error, rel=1e-4)


def test_parts_share_a_picture_out():
    images, _ = digits(5)
    model = make()
    parts, subparts = model.parts(images), model.subparts(images)
    assert parts.pictures.shape == (5, 3, 8, 8, 1)
    assert subparts.pictures.shape == (5, 5, 8, 8, 1)
    for one in (parts, subparts):
        np.testing.assert_allclose(one.masks.sum(axis=1), 1, atol=1e-5)
        assert ((one.masks >= 0) & (one.presence[..., None, None] <= 1)).all()
        made = one.pictures.sum(axis=1)
        np.testing.assert_allclose(made, model.reconstruct(images), atol=1e-5)
    belongs = model.predict_output("belongs", images)
    for sample, part in np.ndindex(5, 3):
        expected = sum(belongs[sample, part, n] * subparts.masks[sample, n] for n in range(5))
        np.testing.assert_allclose(parts.masks[sample, part], expected, atol=1e-5)
    assert model.encode(images).shape == (5, 5, 6 + 2)
    places = model.encode(images)[..., :6].reshape(5, 5, 2, 3)
    np.testing.assert_array_equal(places, subparts.places)


def test_training_shares_out_two_halves():
    """Pictures of a dark and a bright half, somewhere: subparts find the edge between them."""
    edges = np.random.default_rng(0).integers(2, 7, size=64)
    images = np.where(np.arange(8) < edges[:, None, None], 20, 230).astype("uint8")
    images = np.repeat(images, 8, axis=1)[..., None]
    model = make(num_subparts=2, num_parts=2)
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    model.fit(images, batch_size=16, epochs=30, verbose=0)
    masks = model.subparts(images).masks
    left = masks[:, np.argmax(masks[:, :, :, 0].mean(axis=(0, 2)))] > 0.5
    assert (left == (images[..., 0] < 128)).mean() > 0.9


def test_gradients_reach_all():
    images, _ = digits(16)
    model = make(noise=0.0)
    model.compile(optimizer=keras.optimizers.SGD(1e-3))
    before = {variable.path: np.array(variable) for variable in model.trainable_variables}
    model.fit(images, batch_size=16, epochs=1, verbose=0)
    still = [v.path for v in model.trainable_variables if np.array_equal(before[v.path], v)]
    # Adding the same to all keys changes no attention.
    assert [path for path in still if "key/bias" not in path] == []


@ONCE
def test_two_precisions():
    images, _ = digits(8)
    for policy in ("mixed_float16", "mixed_bfloat16"):
        model = make(dtype=policy)
        model.compile()
        assert np.isfinite(model.fit(images, epochs=2, verbose=0).history["loss"]).all()
        assert np.isfinite(model.encode(images)).all()


def test_dark_bright_and_single_pictures():
    model = make()
    model.compile()
    for value in (0, 255):
        images = np.full((1, 8, 8, 1), value, "uint8")
        assert np.isfinite(model.fit(images, epochs=3, verbose=0).history["loss"]).all()
        np.testing.assert_allclose(model.parts(images).masks.sum(axis=1), 1, atol=1e-5)
    assert all(np.isfinite(one).all() for one in model.get_weights())


def test_refused():
    model = make()
    model.compile()
    images, labels = digits(4)
    with pytest.raises(ValueError, match="learns without labels"):
        model.fit(images, labels, verbose=0)
    with pytest.raises(ValueError, match="smallest that works"):
        make(image_shape=(2, 2, 1), padding="valid")
    for name in ("num_subparts", "num_parts", "shape_size", "appearance_size", "attention_layers"):
        with pytest.raises(ValueError, match=name):
            make(**{name: 0})
    for name in ("pixel_deviation", "reach", "subpart_size", "part_reach"):
        with pytest.raises(ValueError, match=name):
            make(**{name: 0})
