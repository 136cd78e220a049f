"""Saving, cloning, summaries and plots."""

import json

import keras
import numpy as np
import pytest

from tests.models import tiny


def make_trained():
    images, labels = tiny.data(6)
    model = tiny.capsnet(name="my_capsnet")
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    model.fit(images, labels, batch_size=3, verbose=0)
    return model


@pytest.fixture(scope="module")
def trained():
    return make_trained()


def same(one, other):
    images, _ = tiny.data(6)
    np.testing.assert_allclose(
        one.predict(images, verbose=0), other.predict(images, verbose=0), atol=1e-6
    )
    return True


def test_keras_file(tmp_path):
    trained = make_trained()
    trained.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again) is type(trained)
    assert again.name == "my_capsnet"
    assert same(again, trained)
    images, labels = tiny.data(6)
    assert int(again.optimizer.iterations) == 2
    assert float(again.optimizer.learning_rate) == pytest.approx(0.01)
    measured = [
        model.evaluate(images, labels, verbose=0, return_dict=True) for model in (trained, again)
    ]
    assert set(measured[0]) == set(measured[1]) == {"loss", "accuracy", "reconstruction_loss"}
    for model in (trained, again):
        model.fit(images, labels, shuffle=False, verbose=0)
    assert int(again.optimizer.iterations) == 3
    # The optimizer's moments came along: the next step is the same.
    for one, other in zip(trained.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_weights_file(trained, tmp_path):
    trained.save_weights(tmp_path / "model.weights.h5")
    again = tiny.capsnet()
    again.load_weights(tmp_path / "model.weights.h5")
    assert same(again, trained)


def test_uncompiled_model_is_saved(tmp_path):
    model = tiny.capsnet()
    model.save(tmp_path / "model.keras")
    assert same(keras.saving.load_model(tmp_path / "model.keras"), model)


def test_config(trained):
    config = json.loads(json.dumps(trained.get_config()))
    again = type(trained).from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    assert type(again) is type(trained)
    again.set_weights(trained.get_weights())
    assert same(again, trained)


def test_clone(trained):
    images, _ = tiny.data(6)
    # Keras clones the graph of a functional model, not its class.
    clone = keras.models.clone_model(trained)
    clone.set_weights(trained.get_weights())
    assert clone.get_layer("conv") is not trained.get_layer("conv")
    scores = clone.predict(images, verbose=0)["scores"]
    np.testing.assert_allclose(scores, trained.predict(images, verbose=0), atol=1e-6)


def test_names_of_layers_are_stable(trained):
    paths = [weight.path for weight in trained.weights]
    assert paths == [
        "conv/kernel",
        "conv/bias",
        "primary_capsules/kernel",
        "primary_capsules/bias",
        "class_capsules/kernel",
        "class_capsules/dynamic_routing/bias",
        "decoder/hidden_0/kernel",
        "decoder/hidden_0/bias",
        "decoder/pixels/kernel",
        "decoder/pixels/bias",
    ]


def test_freezing():
    trained = tiny.capsnet()
    trained.get_layer("conv").trainable = False
    assert len(trained.trainable_weights) == 8
    before = trained.get_layer("conv").get_weights()
    trained.compile()
    trained.fit(*tiny.data(6), verbose=0)
    for old, new in zip(before, trained.get_layer("conv").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_summary(trained):
    lines = []
    trained.summary(print_fn=lambda line, **_: lines.append(line))
    text = "\n".join(lines)
    assert "?" not in text
    assert "class_capsules" in text
    assert f"Trainable params: {trained.count_params():,}" in text


def test_plot(trained, tmp_path):
    pytest.importorskip("pydot")
    if not keras.src.utils.model_visualization.check_graphviz():
        pytest.skip("needs graphviz")
    keras.utils.plot_model(trained, tmp_path / "model.png", show_shapes=True)
    assert (tmp_path / "model.png").stat().st_size > 0
