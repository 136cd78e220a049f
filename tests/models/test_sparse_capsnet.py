"""SparseCapsNet: few capsules are left, what is counted is kept, and what is no picture refused."""

import keras
import numpy as np
import pytest

import capszoo
from capszoo.training.run_folder import RecordEpochs
from tests.layer_checks import to_numpy
from tests.models.test_families import SMALL
from tests.models.test_families import digits
from tests.once import ONCE

STATE = ("boost", "frequency", "steps")


def make(**arguments):
    return capszoo.models.SparseCapsNet(**{**SMALL["sparse_capsnet"], **arguments})


def state(model):
    layer = model.get_layer("rank_mask")
    return {name: to_numpy(getattr(layer, name)).tolist() for name in STATE}


def test_few_capsules_reach_the_decoder():
    images, _ = digits(20)
    model = make()
    mask = model.predict_output("mask", images)
    # 1 and e^-2.4 of six capsules; of the third e^-4.8 would be below a hundredth.
    left = [0, 0, 0, 0, np.exp(-2.4), 1]
    np.testing.assert_allclose(np.sort(mask, axis=1), [left] * 20, atol=1e-5)
    masked = model.encode(images) * mask[..., None]
    made = to_numpy(model.get_layer("decoder")(masked))
    np.testing.assert_allclose(model.reconstruct(images), made, atol=1e-5)
    dense = make(rank_decay=0.0)
    np.testing.assert_array_equal(dense.predict_output("mask", images), np.ones((20, 6)))


def test_ranks_are_those_of_the_coupling():
    images, _ = digits(8)
    model = make(latent_capsules=5)
    boost = np.array([1, 1.3, 1, 1, 1], "float32")
    model.get_layer("rank_mask").boost.assign(boost)
    coupling = model.predict_output("coupling", images)
    # Children stand position by position, four types at each.
    strongest = coupling.reshape(8, 5, -1, 4).max(axis=-1).sum(axis=-1) * boost
    mask = model.predict_output("mask", images)
    np.testing.assert_array_equal(mask.argmax(axis=1), strongest.argmax(axis=1))


def test_what_is_counted_is_kept(tmp_path):
    images, _ = digits(32)
    model = make()
    model.compile()
    model.fit(images, batch_size=8, epochs=13, verbose=0)
    counted = state(model)
    assert counted["steps"] == 52
    assert sum(counted["frequency"]) == pytest.approx(1, abs=1e-5)
    assert max(counted["boost"]) == pytest.approx(1.1)
    # Measuring counts nothing.
    model.evaluate(images, verbose=0)
    model.predict(images, verbose=0)
    assert state(model) == counted

    model.save(tmp_path / "model.keras")
    assert state(keras.models.load_model(tmp_path / "model.keras")) == counted
    model.save_to_preset(tmp_path / "preset")
    assert state(capszoo.load(tmp_path / "preset")) == counted


@ONCE
def test_a_training_that_goes_on_counts_on(tmp_path, monkeypatch):
    small = {**SMALL["sparse_capsnet"], "image_shape": [8, 8, 1], "decoder": [16]}
    settings = {"model": small, "data.augmentation": [], "data.share": 0.2}

    def train(name, **arguments):
        capszoo.training.train(
            "sparse_capsnet_digits",
            epochs=2,
            settings=settings,
            output=tmp_path / name,
            verbose=0,
            **arguments,
        )
        return state(capszoo.load(tmp_path / name))

    whole = train("whole")
    recorded = RecordEpochs.on_epoch_end

    def stop(self, *given, **kwargs):
        recorded(self, *given, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RecordEpochs, "on_epoch_end", stop)
        with pytest.raises(KeyboardInterrupt):
            train("parts")
    parts = train("parts", resume=True)
    assert whole["steps"] == parts["steps"] == 16
    np.testing.assert_allclose(parts["boost"], whole["boost"], atol=1e-6)
    np.testing.assert_allclose(parts["frequency"], whole["frequency"], atol=1e-6)


def test_parts_are_what_capsules_draw_alone():
    images, _ = digits(3)
    model = make()
    parts = model.parts(images)
    assert (parts.pictures.shape, parts.places) == ((3, 6, 8, 8, 1), None)
    np.testing.assert_allclose(parts.presence, model.predict_output("mask", images), atol=1e-6)
    poses = model.encode(images) * parts.presence[..., None]
    alone = np.zeros_like(poses)
    alone[:, 2] = poses[:, 2]
    drawn = to_numpy(model.get_layer("decoder")(alone))
    np.testing.assert_allclose(parts.pictures[:, 2], drawn, atol=1e-6)


@pytest.mark.parametrize("routing", ["em", "uniform", "self_routing"])
def test_other_routings(routing):
    images, _ = digits(8)
    model = make(routing=routing)
    model.compile()
    assert np.isfinite(model.fit(images, epochs=1, verbose=0).history["loss"]).all()


def test_readings_differ_in_the_mask_alone():
    images, _ = digits(16)
    model, other = make(), make(reading="authors")
    other.set_weights(model.get_weights())
    np.testing.assert_allclose(model.encode(images), other.encode(images), atol=1e-6)
    masks = [one.predict_output("mask", images) for one in (model, other)]
    assert (masks[0] != masks[1]).any()


def test_dark_bright_and_single_pictures():
    model = make()
    model.compile()
    for value in (0, 255):
        images = np.full((1, 8, 8, 1), value, "uint8")
        history = model.fit(images, validation_data=images, verbose=0).history
        assert np.isfinite([history["loss"], history["val_loss"]]).all()
        assert np.isfinite(model.encode(images)).all()
    assert all(np.isfinite(one).all() for one in model.get_weights())


def test_refused():
    model = make()
    model.compile()
    images, labels = digits(4)
    with pytest.warns(UserWarning, match="rescales to"):
        model.reconstruct(images.astype("float32") * 100)
    with pytest.raises(ValueError, match="learns without labels"):
        model.fit(images, labels, verbose=0)
    with pytest.raises(ValueError, match="at least one image"):
        model.fit(images[:0], verbose=0)
    with pytest.raises(ValueError, match="smallest that works"):
        make(image_shape=(4, 4, 1))
    with pytest.raises(ValueError, match="one vote"):
        make(routing="cluster")
    with pytest.raises(ValueError, match="reading"):
        make(reading="both")
    with pytest.raises(ValueError, match="UCaps3DAutoencoder has no capsules that each draw"):
        capszoo.load("ucaps3d_autoencoder_generated_volumes").parts(np.zeros((1, 16, 16, 16, 1)))
