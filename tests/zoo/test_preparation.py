"""Raw images go in: what a preset resizes and crops, its model does, and its file keeps."""

import importlib.util

import keras
import numpy as np
import pytest

import capszoo
from capszoo.data.images import crop_middle
from capszoo.data.images import resize_images
from capszoo.zoo import build
from capszoo.zoo.schema import validate
from tests.zoo.tiny import ARGUMENTS
from tests.zoo.tiny import tiny_content


def preset(**data):
    return validate(tiny_content(data={"name": "digits", **data}), "here")


@pytest.fixture(scope="module")
def models():
    """A model that prepares its images, and the same weights in one that does not."""
    description = preset(resize=[12, 10], crop=[8, 8])
    raw, prepared = build(description), build(description, prepared=True)
    prepared.set_weights(raw.get_weights())
    return raw, prepared


def pictures(height, width, count=5):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 1)).astype("uint8")


def by_hand(images):
    return crop_middle(resize_images(images, 12, 10), 8, 8)


# Those of the data, of twice the size, as they are resized, and larger than anything.
@pytest.mark.parametrize("size", [(8, 8), (24, 20), (12, 10), (40, 50)])
def test_any_size(models, size):
    raw, prepared = models
    images = pictures(*size)
    expected = by_hand(images)
    for method in ("predict", "encode", "reconstruct", "coupling"):
        found, wanted = getattr(raw, method)(images), getattr(prepared, method)(expected)
        np.testing.assert_allclose(found, wanted, atol=2e-3)  # a pixel may be a level off


def test_loss_is_about_what_was_prepared(models):
    raw, prepared = models
    images, labels = pictures(24, 20), np.arange(5)
    for model in models:
        model.compile()
    found = raw.evaluate(images, labels, verbose=0, return_dict=True)
    wanted = prepared.evaluate(by_hand(images), labels, verbose=0, return_dict=True)
    assert found == pytest.approx(wanted, rel=1e-3)


def test_training_crops_at_random():
    raw = build(preset(resize=[12, 10], crop=[8, 8]))
    layer = raw.get_layer("preparation")
    images = np.stack(np.indices((12, 10)).astype("float32"), axis=-1)[None].repeat(40, axis=0)
    parts = keras.ops.convert_to_numpy(layer(images, training=True))
    corners = parts[:, 0, 0].astype(int)
    # Each is a whole part of the picture, and places differ from picture to picture.
    for part, (top, left) in zip(parts, corners, strict=True):
        np.testing.assert_array_equal(part, images[0, top : top + 8, left : left + 8])
    assert set(corners[:, 0]) == set(range(5))
    assert set(corners[:, 1]) == set(range(3))
    again = keras.ops.convert_to_numpy(layer(images, training=True))
    assert not np.array_equal(parts, again)
    middle = keras.ops.convert_to_numpy(layer(images))
    np.testing.assert_array_equal(middle[0, 0, 0], [2, 1])
    raw.compile()
    history = raw.fit(pictures(24, 20), np.arange(5), epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_files_keep_it(models, tmp_path):
    raw, _ = models
    images = pictures(24, 20)
    expected = raw.predict(images, verbose=0)
    raw.save(tmp_path / "model.keras")
    raw.save_to_preset(tmp_path / "preset")
    for again in (
        keras.saving.load_model(tmp_path / "model.keras", compile=False),
        capszoo.load(tmp_path / "preset"),
    ):
        np.testing.assert_allclose(again.predict(images, verbose=0), expected, atol=1e-5)
    with pytest.raises(ValueError, match=r"\(batch, 8, 8, 1\)"):
        capszoo.load(tmp_path / "preset", prepared=True).predict(images)


def test_pipelines(models):
    raw, _ = models
    images = pictures(24, 20)
    expected = raw.predict(images, verbose=0)

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return (images,)

    np.testing.assert_allclose(raw.predict(Batches(), verbose=0), expected, atol=1e-5)
    if importlib.util.find_spec("tensorflow"):
        import tensorflow as tf

        # Of pictures whose size no graph knows.
        spec = tf.TensorSpec((None, None, None, 1), "uint8")
        dataset = tf.data.Dataset.from_generator(lambda: iter([images]), output_signature=spec)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(1))
        np.testing.assert_allclose(raw.predict(dataset, verbose=0), expected, atol=2e-3)


def test_what_is_not_said_comes_from_the_data():
    def prepared_as(**data):
        return build(preset(**data)).resize

    assert prepared_as() == (8, 8)  # of the digits
    assert prepared_as(resize=[9, 9], crop=[8, 8]) == (9, 9)
    assert prepared_as(name="mnist", crop=[8, 8]) == (28, 28)
    assert prepared_as(name="./mine.npz") == (8, 8)
    content = tiny_content()
    del content["data"]
    assert build(validate(content, "here")).resize is None
    assert build(preset(), resize=(10, 10)).resize == (10, 10)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"resize": (7, 8)}, r"at least as large as what is cut.*resize=\(7, 8\).*\(8, 8\)"),
        ({"resize": (0, 8)}, "`resize`.*positive integer"),
        ({"resize": "big"}, "`resize`.*positive integer"),
    ],
)
def test_bad_sizes(arguments, match):
    with pytest.raises(ValueError, match=match):
        capszoo.models.CapsNet(**ARGUMENTS, **arguments)


@pytest.mark.parametrize(
    ("images", "match"),
    [
        (np.zeros((5, 8, 8), "uint8"), r"\(batch, any, any, 1\).*Add the channel axis"),
        (np.zeros((8, 8, 1), "uint8"), "Add the batch axis"),
        (np.zeros((5, 1, 8, 8), "uint8"), "Move the channels last"),
        (np.zeros((5, 8, 8, 3), "uint8"), r"\(batch, any, any, 1\)"),
        (np.zeros((5, 0, 8, 1), "uint8"), "at least one image"),
    ],
)
def test_what_no_resizing_mends(models, images, match):
    with pytest.raises(ValueError, match=match):
        models[0].predict(images)


def test_what_scripts_called_before():
    images = pictures(28, 28)
    with pytest.warns(FutureWarning, match="models of capszoo.load prepare"):
        assert capszoo.zoo.prepare_images(preset(), images) is images
