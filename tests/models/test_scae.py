"""StackedCapsuleAutoencoder: its loss by hand, what it gives of pictures, and what it refuses."""

import keras
import numpy as np
import pytest

import capszoo
from tests.models.test_families import SMALL
from tests.models.test_families import digits
from tests.once import ONCE


def make(**arguments):
    return capszoo.models.StackedCapsuleAutoencoder(**{**SMALL["scae"], **arguments})


def entropy(amounts):
    shares = amounts / amounts.sum(axis=-1, keepdims=True)
    return -(shares * np.log(shares)).sum(axis=-1)


@pytest.mark.parametrize("weights", [None, [1, 0, 2, 0, 0, 3]])
def test_the_loss_by_hand(weights):
    images, _ = digits(6)
    model = make(pixel_deviation=0.5, classes=2)
    model.compile()
    of = {key: np.float64(model.predict_output(key, images)) for key in model.output}
    logits, drawn = of["drawn_logits"], of["drawn"]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    density = np.exp(-(((images[:, None] / 255 - drawn) / 0.5) ** 2) / 2) / np.sqrt(2 * np.pi) / 0.5
    likelihood = np.log((shares * density).sum(axis=1)).sum(axis=(1, 2, 3))
    likelihood += (of["part_presence"] * of["part_density"]).sum(axis=1)
    likelihood -= 10 * 0.5 * (of["changes"] ** 2).sum(axis=(1, 2, 3))
    likelihood = (likelihood * (1 if weights is None else np.array(weights))).mean()
    presence = of["presence"]
    explained = (of["posterior"] * of["part_presence"][:, None]).sum(axis=2)
    expected = (
        -likelihood
        + 2 * ((presence.sum(axis=1) - 3 / 2) ** 2).mean()
        + 0.35 * ((presence.sum(axis=0) - 6 / 2) ** 2).mean()
        + 0.7 * entropy(explained).mean()
        - 0.2 * entropy(explained.sum(axis=0))
    )
    given = None if weights is None else np.array(weights, "float32")
    # Keras leaves weights out where there is nothing beside the examples.
    found = model.evaluate(images, images, sample_weight=given, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(expected, rel=1e-4)
    error = np.mean((model.reconstruct(images) - images / 255) ** 2)
    assert found["reconstruction_error"] == pytest.approx(error, rel=1e-4)


def test_what_is_to_be_restored_is_what_is_likely():
    images, _ = digits(6)
    model = make()
    model.compile()
    alone = model.evaluate(images, verbose=0)[0]
    assert model.evaluate(images, images, verbose=0)[0] == pytest.approx(alone, rel=1e-5)
    assert model.evaluate(images, images[::-1].copy(), verbose=0)[0] != pytest.approx(alone)


def test_codes_and_parts():
    images, _ = digits(5)
    model = make()
    np.testing.assert_array_equal(model.codes(images), model.predict_output("presence", images))
    parts = model.parts(images)
    assert parts.pictures.shape == (5, 4, 8, 8, 1)
    assert parts.places.shape == (5, 4, 2, 3)
    assert ((parts.presence > 0) & (parts.presence < 1)).all()
    assert ((parts.pictures >= 0) & (parts.pictures <= 1)).all()
    # Objects explain at most the whole of a part.
    assert (model.predict_output("posterior", images).sum(axis=1) < 1).all()


def test_gradients_reach_all_but_across_the_stack():
    """The likelihood of parts moves objects, and nothing that says where the parts are."""
    images, _ = digits(16)
    model = make(noise=0.0)
    model.compile(optimizer=keras.optimizers.SGD(1e-5))
    before = {variable.path: np.array(variable) for variable in model.trainable_variables}
    model.fit(images, batch_size=16, epochs=1, verbose=0)
    still = [v.path for v in model.trainable_variables if np.array_equal(before[v.path], v)]
    assert [path for path in still if not path.endswith("bias")] == []


@ONCE
def test_two_precisions():
    images, _ = digits(8)
    for policy in ("mixed_float16", "mixed_bfloat16"):
        model = make(dtype=policy)
        model.compile()
        assert np.isfinite(model.fit(images, epochs=2, verbose=0).history["loss"]).all()
        assert np.isfinite(model.encode(images)).all()


@ONCE
def test_dark_bright_and_single_pictures():
    model = make()
    model.compile()
    for value in (0, 255):
        images = np.full((1, 8, 8, 1), value, "uint8")
        assert np.isfinite(model.fit(images, epochs=3, verbose=0).history["loss"]).all()
        assert np.isfinite(model.codes(images)).all()
    assert all(np.isfinite(one).all() for one in model.get_weights())


def test_refused():
    model = make()
    model.compile()
    images, labels = digits(4)
    with pytest.raises(ValueError, match="learns without labels"):
        model.fit(images, labels, verbose=0)
    with pytest.warns(UserWarning, match="rescales to"):
        model.reconstruct(images.astype("float32") * 100)
    with pytest.raises(ValueError, match="smallest that works"):
        make(image_shape=(2, 2, 1))
    for name in ("num_parts", "num_objects", "template_size", "classes", "attention_layers"):
        with pytest.raises(ValueError, match=name):
            make(**{name: 0})
    with pytest.raises(ValueError, match="pixel_deviation"):
        make(pixel_deviation=0)
