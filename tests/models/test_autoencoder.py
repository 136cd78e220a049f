"""The task of reconstruction: no labels, and one rule for what stands in their place."""

import importlib.util

import keras
import numpy as np
import pytest

from tests.models import tiny_autoencoder
from tests.once import ONCE

each_rank = pytest.mark.parametrize("rank", [2, 3])


def make(rank, **arguments):
    return tiny_autoencoder.AUTOENCODERS[rank](**arguments)


def targets_of(rank, examples):
    """What a decoder is compared with, by the input ends' formulas."""
    if rank == 2:
        return examples / 255
    axes = (1, 2, 3)
    centred = examples - examples.mean(axes, keepdims=True)
    return centred / examples.std(axes, keepdims=True)


@each_rank
def test_learns_without_labels_saves_and_loads(rank, tmp_path):
    examples = tiny_autoencoder.data(rank, 16)
    model = make(rank)
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    history = model.fit(
        examples, batch_size=8, epochs=12, validation_data=examples[:4], verbose=0
    ).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert history["val_reconstruction_error"][-1] < 0.7 * history["val_reconstruction_error"][0]

    made = model.reconstruct(examples)
    assert (made.shape, made.dtype) == (examples.shape, np.float32)
    np.testing.assert_allclose(model.predict(examples, verbose=0), made, atol=1e-5)
    assert model.encode(examples).shape == (16, 3, 4)
    found = model.evaluate(examples, verbose=0, return_dict=True)
    error = np.mean((made - targets_of(rank, examples)) ** 2)
    assert found == pytest.approx({"loss": error, "reconstruction_error": error}, rel=1e-4)
    assert model.measure(examples, None) == pytest.approx(found, rel=1e-5)

    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    np.testing.assert_allclose(again.reconstruct(examples), made, atol=1e-5)
    record = model.condense(made)
    assert record.shape == (16, *[3] * rank, examples.shape[-1])


@each_rank
def test_originals_are_what_is_to_be_made(rank):
    clean = tiny_autoencoder.data(rank, 6)
    noisy = clean[::-1].copy()
    model = make(rank)
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    errors = (model.reconstruct(noisy) - targets_of(rank, clean)) ** 2
    weights = np.array([1, 0, 2, 0, 0, 3], "float32")
    for weight, expected in (
        (None, errors.mean()),
        (weights, (errors.reshape(6, -1).mean(1) * weights).mean()),
    ):
        found = model.evaluate(noisy, clean, sample_weight=weight, verbose=0, return_dict=True)
        assert found["loss"] == pytest.approx(expected, rel=1e-4)
        assert found["reconstruction_error"] == pytest.approx(errors.mean(), rel=1e-4)
    before = model.evaluate(noisy, clean, verbose=0)[0]
    model.fit(noisy, clean, batch_size=3, epochs=3, validation_data=(noisy, clean), verbose=0)
    assert model.evaluate(noisy, clean, verbose=0)[0] < before


class Batches(keras.utils.PyDataset):
    def __init__(self, examples):
        super().__init__()
        self.examples = examples

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return (self.examples[4 * index : 4 * index + 4],)


def pipelines(examples, *labels):
    """A tf.data.Dataset and a DataLoader, where their packages are."""
    if importlib.util.find_spec("tensorflow"):
        import tensorflow as tf

        arrays = (examples, *labels) if labels else examples
        yield tf.data.Dataset.from_tensor_slices(arrays).batch(4)
    if importlib.util.find_spec("torch"):
        import torch

        tensors = torch.utils.data.TensorDataset(*map(torch.tensor, (examples, *labels)))
        yield torch.utils.data.DataLoader(tensors, batch_size=4)


def test_pipelines_equal_arrays():
    examples = tiny_autoencoder.data(2, 12)
    model = make(2)
    weights = model.get_weights()

    def fitted(*given, **kwargs):
        model.set_weights(weights)
        model.compile(optimizer=keras.optimizers.SGD(0.1))
        return model.fit(*given, epochs=2, shuffle=False, verbose=0, **kwargs).history["loss"]

    expected = fitted(examples, batch_size=4)
    assert expected[1] < expected[0]
    assert fitted(Batches(examples)) == pytest.approx(expected, rel=1e-4)
    for pipeline in pipelines(examples):
        assert fitted(pipeline) == pytest.approx(expected, rel=1e-3)
    for pipeline in pipelines(examples, examples):
        assert fitted(pipeline) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: np.arange(len(x)),
        lambda x: list(range(len(x))),
        lambda x: np.eye(3)[np.arange(len(x)) % 3],
        lambda x: x[1:],
        lambda x: x[:, 1:],
        lambda x: x[..., 0],
    ],
)
def test_labels_are_refused(change):
    examples = tiny_autoencoder.data(2, 6)
    model = make(2)
    model.compile()
    before, labels = model.get_weights(), change(examples)
    match = r"'reconstruction' learns without labels.* \(batch, 6, 4, 1\).* beside them an array"
    with pytest.raises(ValueError, match=match):
        model.fit(examples, labels, verbose=0)
    with pytest.raises(ValueError, match=match):
        model.evaluate(examples, labels, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@ONCE
def test_labels_in_pipelines_are_refused():
    examples = tiny_autoencoder.data(2, 8)
    model = make(2)
    model.compile()
    for pipeline in pipelines(examples, np.arange(8)):
        with pytest.raises(ValueError, match="Of a pipeline of pairs take the first parts"):
            model.fit(pipeline, verbose=0)


@each_rank
def test_what_does_not_fit_is_refused(rank):
    examples = tiny_autoencoder.data(rank, 4)
    model = make(rank)
    model.compile()
    with pytest.raises(ValueError, match=r"Expected (images|volumes) of shape"):
        model.fit(examples[:, 1:], verbose=0)
    with pytest.raises(ValueError, match="reconstructions are not put together from windows"):
        model.check_whole(list(examples))
    if rank == 3:
        with pytest.raises(ValueError, match="none of them NaN or infinite"):
            model.fit(examples, np.where(examples == examples.max(), np.nan, examples), verbose=0)
    with pytest.raises(ValueError, match="Unknown argument 'num_classes'"):
        make(rank, num_classes=3)


def test_pictures_that_the_model_crops():
    """Compared with the part that the body saw; originals would be of another part."""
    model = make(2, resize=(8, 6))
    model.compile()
    pictures = np.random.default_rng(0).integers(0, 256, (3, 8, 6, 1)).astype("uint8")
    error = np.mean((model.reconstruct(pictures) - pictures[:, 1:7, 1:5] / 255) ** 2)
    assert model.evaluate(pictures, verbose=0)[0] == pytest.approx(error, rel=1e-4)
    with pytest.raises(ValueError, match="learns without labels"):
        model.fit(pictures, pictures, verbose=0)


def test_low_precision():
    examples = tiny_autoencoder.data(3, 4)
    model = make(3, dtype="mixed_float16")
    model.compile()
    assert np.isfinite(model.fit(examples, epochs=1, verbose=0).history["loss"]).all()
    assert model.predict(examples, verbose=0).dtype == np.float32
