"""`fit` as a Keras user knows it: data, labels, weights, callbacks, precision."""

import importlib.util

import keras
import numpy as np
import pytest

import capszoo
from tests.models import tiny


@pytest.fixture(scope="module")
def fitted():
    """Trains the same model from the same weights; compiled once for all tests."""
    model = tiny.capsnet()
    model.compile(optimizer=keras.optimizers.SGD(0.1))
    weights = model.get_weights()

    def fit(images, labels=None, fresh=False, **kwargs):
        if fresh:  # TensorFlow's compiled step does not take labels of another rank
            model.compile(optimizer=keras.optimizers.SGD(0.1))
        model.set_weights(weights)
        history = model.fit(images, labels, shuffle=False, verbose=0, **kwargs).history
        assert {"loss", "accuracy", "reconstruction_loss"} <= set(history)
        assert np.isfinite(history["loss"]).all()
        return history["loss"][-1]

    return fit


class Batches(keras.utils.PyDataset):
    """Batches of the tiny data."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        images, labels = tiny.data(12)
        return images[4 * index : 4 * index + 4], labels[4 * index : 4 * index + 4]


def test_pipelines_equal_arrays(fitted):
    images, labels = tiny.data(12)
    expected = fitted(images, labels, batch_size=4, epochs=2)
    assert fitted(Batches(), epochs=2) == pytest.approx(expected, rel=1e-3)
    if importlib.util.find_spec("tensorflow"):
        import tensorflow as tf

        dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
        assert fitted(dataset, epochs=2) == pytest.approx(expected, rel=1e-3)
    if importlib.util.find_spec("torch"):
        import torch

        tensors = torch.utils.data.TensorDataset(torch.tensor(images), torch.tensor(labels))
        loader = torch.utils.data.DataLoader(tensors, batch_size=4)
        assert fitted(loader, epochs=2) == pytest.approx(expected, rel=1e-3)


def test_label_forms_are_one(fitted):
    images, labels = tiny.data(8)
    expected = fitted(images, labels)
    assert fitted(images, labels[:, None], fresh=True) == pytest.approx(expected, rel=1e-5)
    assert fitted(images, np.eye(3)[labels], fresh=True) == pytest.approx(expected, rel=1e-5)


def test_backend_tensors(fitted):
    images, labels = tiny.data(8)
    tensors = [keras.ops.convert_to_tensor(x) for x in (images.astype("float32"), labels)]
    assert fitted(*tensors) == pytest.approx(fitted(images, labels), rel=1e-4)


@pytest.mark.skipif(not importlib.util.find_spec("tensorflow"), reason="needs TensorFlow")
def test_tensorflow_tensors_on_any_backend(fitted):
    import tensorflow as tf

    images, labels = tiny.data(8)
    tensors = tf.constant(images, "float32"), tf.constant(labels)
    assert fitted(*tensors) == pytest.approx(fitted(images, labels), rel=1e-4)


def test_weights(fitted):
    images, labels = tiny.data(9)
    plain = fitted(images, labels)
    assert fitted(images, labels, sample_weight=np.full(9, 2.0)) == pytest.approx(
        2 * plain, rel=1e-2
    )
    by_class = fitted(images, labels, class_weight={0: 3.0, 1: 0.0, 2: 1.0})
    by_sample = fitted(images, labels, sample_weight=np.array([3.0, 0.0, 1.0])[labels])
    assert by_class == pytest.approx(by_sample, rel=1e-4)


def test_validation():
    images, labels = tiny.data(12)
    model = tiny.capsnet()
    model.compile()
    history = model.fit(images, labels, validation_split=0.25, verbose=0).history
    assert {"val_loss", "val_accuracy", "val_reconstruction_loss"} <= set(history)
    history = model.fit(images, labels, validation_data=(images, labels), verbose=0).history
    measured = model.evaluate(images, labels, verbose=0, return_dict=True)
    assert history["val_loss"][-1] == pytest.approx(float(measured["loss"]), rel=1e-4)


def test_evaluation_decodes_what_is_predicted():
    images, labels = tiny.data(9)
    model = tiny.capsnet(reconstruction_weight=0.01)
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    results = [
        model.evaluate(images, some_labels, verbose=0, return_dict=True)
        for some_labels in (labels, (labels + 1) % 3)
    ]
    first, second = ({key: float(value) for key, value in one.items()} for one in results)
    assert first["reconstruction_loss"] == second["reconstruction_loss"]
    assert first["loss"] != second["loss"]
    # By hand: nothing but images and predictions.
    error = np.square(images / 255 - model.reconstruct(images)).reshape(9, -1).sum(-1).mean()
    assert first["reconstruction_loss"] == pytest.approx(error, rel=1e-4)

    # Training decodes the true class, whatever is predicted.
    poses = model.encode(images)
    decoded = model.decoder(poses * np.eye(3, dtype="float32")[labels][..., None])
    decoded = keras.ops.convert_to_numpy(keras.ops.stop_gradient(decoded))
    error = np.square(images / 255 - decoded).reshape(9, -1).sum(-1).mean()
    history = model.fit(images, labels, batch_size=9, verbose=0).history
    assert history["reconstruction_loss"][0] == pytest.approx(error, rel=1e-4)
    assert error != pytest.approx(first["reconstruction_loss"], rel=1e-6)


def test_loss_by_hand():
    images, labels = tiny.data(6)
    model = tiny.capsnet(reconstruction_weight=0.02)
    model.compile()
    scores, pictures = model.predict(images, verbose=0), model.reconstruct(images)
    margin = float(capszoo.losses.MarginLoss()(labels, scores))
    error = np.square(images / 255 - pictures).reshape(6, -1).sum(-1).mean()
    measured = model.evaluate(images, labels, verbose=0, return_dict=True)
    assert float(measured["loss"]) == pytest.approx(margin + 0.02 * error, rel=1e-4)
    assert float(measured["accuracy"]) == pytest.approx((scores.argmax(-1) == labels).mean())


def test_two_objects():
    images, _ = tiny.data(6)
    labels = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]] * 2)
    # Each class lights up a third of the image.
    bright = np.repeat(labels, 4, axis=1)[:, :, None, None]
    images = images // 8 + 200 * bright
    model = tiny.capsnet(num_objects=2)
    model.compile(optimizer=keras.optimizers.Adam(0.02))
    model.fit(images, labels, epochs=40, verbose=0)
    top = np.sort(model.predict(images, verbose=0).argsort(-1)[:, 1:], axis=-1)
    np.testing.assert_array_equal(top, [np.flatnonzero(row) for row in labels])


def test_other_loss_metrics_and_optimizer():
    images, labels = tiny.data(6)
    model = tiny.capsnet()
    model.compile(
        "sgd", capszoo.losses.SpreadLoss(0.5), ["accuracy", "sparse_categorical_accuracy"]
    )
    history = model.fit(images, labels, verbose=0).history
    assert {"accuracy", "sparse_categorical_accuracy"} <= set(history)


def test_callbacks(tmp_path):
    images, labels = tiny.data(6)
    model = tiny.capsnet()
    model.compile()
    best = tmp_path / "best.keras"
    callbacks = [
        keras.callbacks.EarlyStopping("loss", min_delta=1e9, patience=1),
        keras.callbacks.ModelCheckpoint(best, monitor="loss", save_best_only=True),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
    ]
    history = model.fit(images, labels, epochs=9, callbacks=callbacks, verbose=0)
    assert len(history.epoch) == 2
    assert keras.saving.load_model(best).predict(images, verbose=0).shape == (6, 3)
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0].startswith("epoch,accuracy,loss,reconstruction_loss")
    assert len(lines) == 3


def test_backup_and_restore(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    images, labels = tiny.data(6)

    def train(callbacks):
        keras.utils.set_random_seed(1)
        model = tiny.capsnet()
        model.compile()
        model.fit(images, labels, epochs=4, shuffle=False, callbacks=callbacks, verbose=0)
        return model

    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(KeyboardInterrupt):
        train([backup, Stop()])
    resumed = train([keras.callbacks.BackupAndRestore(tmp_path / "backup")])
    assert int(resumed.step_counter.step) == 4
    straight = train([])
    for one, other in zip(resumed.get_weights(), straight.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    images, labels = tiny.data(6)
    model = tiny.capsnet(dtype=policy)
    assert model.get_layer("class_capsules").routing.dtype_policy.name == policy
    assert {weight.dtype for weight in model.weights} == {"float32"}
    model.compile()
    history = model.fit(images, labels, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert model.predict(images, verbose=0).dtype == "float32"
    again = type(model).from_config(model.get_config())
    assert again.dtype_policy.name == policy
    keras.config.set_dtype_policy(policy)
    assert tiny.capsnet().get_layer("decoder").compute_dtype == policy.removeprefix("mixed_")
