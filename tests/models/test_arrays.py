"""Bad images and labels raise before any training step."""

import warnings

import keras
import numpy as np
import pytest

from tests.models import tiny

IMAGES, LABELS = tiny.data(6)
ONE_HOT = np.eye(3)[LABELS]


@pytest.fixture(scope="module")
def model():
    model = tiny.capsnet()
    model.compile()
    return model


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[..., 0], r"Add the channel axis: images\[..., None\]"),
        (IMAGES[0], r"Add the batch axis: images\[None\]"),
        (np.moveaxis(IMAGES, -1, 1), "Move the channels last"),
        (np.repeat(IMAGES, 3, -1), r"\(batch, 12, 10, 1\). Received: images of shape"),
        (IMAGES[:, :8], "Received: images of shape"),
        (IMAGES.reshape(6, -1), "Received: images of shape"),
        (IMAGES[:0], "at least one image"),
    ],
    ids=["channel", "batch", "first", "colours", "height", "flat", "empty"],
)
def test_images(model, images, message):
    for call in (
        lambda: model.fit(images, LABELS[: len(images)], verbose=0),
        lambda: model.evaluate(images, LABELS[: len(images)], verbose=0),
        lambda: model.predict(images, verbose=0),
        lambda: model.encode(images),
        lambda: model.fit(IMAGES, LABELS, validation_data=(images, LABELS), verbose=0),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert int(model.optimizer.iterations) == 0


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS + 1, "labels from 0 to 2 for 3 classes. Received: labels from 1 to 3"),
        (LABELS - 1, "Received: labels from -1 to 1"),
        (LABELS[:-1], "6 images, 5 labels"),
        (np.eye(4)[LABELS], r"\(batch, 3\). Received: labels of shape \(6, 4\)"),
        (ONE_HOT[..., None], "Received: labels of shape"),
        (2 * ONE_HOT, r"from 0 to 1 for 3 classes \(one-hot or multi-hot\)"),
    ],
    ids=["high", "low", "short", "wide", "rank", "twos"],
)
def test_labels(model, labels, message):
    for form in (np.asarray, keras.ops.convert_to_tensor):
        for method in (model.fit, model.evaluate):
            with pytest.raises(ValueError, match=message):
                method(IMAGES, form(labels), verbose=0)
    assert int(model.optimizer.iterations) == 0


def test_scaled_twice(model):
    with pytest.warns(UserWarning, match="no value above 1"):
        model.predict(IMAGES / 255, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        tiny.capsnet(rescaling=1).predict(IMAGES / 255, verbose=0)
