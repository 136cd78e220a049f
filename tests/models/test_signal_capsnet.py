"""SignalCapsNet and its input end, from a file of one's own to training, search and presets."""

import keras
import numpy as np
import pytest
import yaml

import capszoo
from capszoo.models.inputs import SignalInput
from tests.layer_checks import to_numpy
from tests.once import ONCE

SHAPE = (24, 2)
SMALL = {
    "signal_shape": SHAPE,
    "num_classes": 3,
    "conv_filters": 8,
    "conv_kernel_size": 5,
    "primary_types": 2,
    "primary_kernel_size": 3,
    "primary_strides": 2,
    "class_dim": 4,
}


def small(**changes):
    return capszoo.models.SignalCapsNet(**{**SMALL, **changes})


def waves(count, channels=2):
    """Noisy waves of one, two or three periods."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % 3
    time = np.arange(SHAPE[0])[None, :, None] / SHAPE[0] + random.uniform(size=(count, 1, 1))
    signals = np.sin(2 * np.pi * time * (labels + 1)[:, None, None])
    signals = signals + random.normal(0, 0.1, (count, SHAPE[0], channels))
    return 1e-3 * signals.astype("float32"), labels


def test_no_decoder_of_pictures_is_advised():
    signals, _ = waves(2)
    with pytest.raises(ValueError, match=r"no decoder .*Build it with a Keras layer as decoder"):
        small().reconstruct(signals)


@pytest.fixture
def own_file(tmp_path):
    signals, labels = waves(90)
    path = tmp_path / "own.npz"
    np.savez(path, x_train=signals[:60], y_train=labels[:60], x_test=signals, y_test=labels)
    return path


@pytest.fixture
def recipe(tmp_path):
    content = {
        "name": "waves",
        "family": "signal_capsnet",
        "model": {
            key: list(value) if key == "signal_shape" else value for key, value in SMALL.items()
        },
        "data": {"name": "generated_ecg"},
        "training": {
            "epochs": 4,
            "batch_size": 18,
            "optimizer": {"Adam": {"learning_rate": 0.01}},
        },
    }
    path = tmp_path / "waves.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_defaults():
    model = capszoo.models.SignalCapsNet()
    # Windows of 9: 500 to 246 to 119 in steps of 2, and to 28 in steps of 4.
    assert model.get_layer("primary_capsules").output.shape == (None, 28, 8, 8)
    stem = 9 * 2 * 32 + 32 + 9 * 32 * 64 + 64
    assert model.count_params() == stem + 9 * 64 * 64 + 64 + 28 * 8 * 8 * 3 * 16 + 3 * 16
    assert sorted(model.output) == ["coupling", "poses", "scores"]


def test_learns_waves_on_any_scale():
    signals, labels = waves(60)
    keras.utils.set_random_seed(0)
    model = small()
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    model.fit(signals, labels, epochs=30, verbose=0)
    scores = model.predict(signals, verbose=0)
    assert (scores.argmax(-1) == labels).mean() > 0.9
    np.testing.assert_allclose(model.predict(1e6 * signals, verbose=0), scores, atol=1e-4)
    moved = signals + np.array([3e-3, -1e-3], "float32")
    np.testing.assert_allclose(model.predict(moved, verbose=0), scores, atol=1e-4)


@ONCE
def test_several_convolutions():
    model = small(conv_filters=(4, 6), conv_kernel_size=(5, 3), conv_strides=1)
    kernels = [model.get_layer(name).kernel.shape for name in ("conv", "conv_2")]
    assert [tuple(shape) for shape in kernels] == [(5, 2, 4), (3, 4, 6)]
    assert model.get_layer("primary_capsules").output.shape[1] == (24 - 4 - 2 - 2) // 2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            lambda x: x[..., 0],
            r"Expected signals of shape \(batch, length, channels\) = \(batch, 24",
        ),
        (lambda x: x[:, :20], r"Received: signals of shape \(6, 20, 2\)\. Cut the signals"),
        (lambda x: x[0], r"Add the batch axis: signals\[None\]"),
        (lambda x: np.moveaxis(x, 1, 2), r"Move the channels last: numpy\.moveaxis"),
        (lambda x: x[:0], "at least one signal"),
        (lambda x: np.where(np.arange(6)[:, None, None] == 4, np.nan, x), "1 of 6 .* at row 4"),
        (lambda x: np.where(np.arange(6)[:, None, None] > 1, np.inf, x), "4 of 6 .* at row 2"),
    ],
)
def test_what_does_not_fit_is_refused(changed, message):
    signals, labels = waves(6)
    model = small()
    model.compile()
    with pytest.raises(ValueError, match=message):
        model.predict(changed(signals), verbose=0)
    with pytest.raises(ValueError, match=message):
        model.fit(changed(signals), labels[: len(changed(signals))], verbose=0)


@ONCE
def test_a_missing_channel_axis_is_named():
    model = small(signal_shape=(24, 1))
    with pytest.raises(ValueError, match=r"Add the channel axis: signals\[..., None\]"):
        model.predict(np.zeros((6, 24)), verbose=0)


def test_normalization():
    signals, _ = waves(6)
    of_channels = {"mean": [0.0, 2.0], "variance": [1.0, 4.0]}
    found = to_numpy(keras.Model(*_ends(SignalInput(SHAPE, normalization=of_channels)))(signals))
    np.testing.assert_allclose(found, (signals - [0, 2]) / [1, 2], atol=1e-6)
    found = to_numpy(keras.Model(*_ends(SignalInput(SHAPE)))(signals))
    centered = signals - signals.mean(1, keepdims=True)
    expected = centered / np.sqrt((centered**2).mean((1, 2), keepdims=True))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-12, 1.0, 1e12, 1e30])
def test_standardized_on_every_scale(scale):
    signals = (scale * np.sin(np.arange(48.0)).reshape(1, 24, 2)).astype("float32")
    constant = np.full((1, 24, 2), scale, "float32")
    layer = capszoo.layers.SignalStandardization()
    found = to_numpy(layer(signals))
    assert found.std() == pytest.approx(1 if scale > 1e-13 else 0, abs=0.05)
    np.testing.assert_allclose(to_numpy(layer(constant)), 0, atol=0.1)


def _ends(ends):
    return ends.inputs, ends.features


@ONCE
def test_a_decoder_is_a_layer():
    decoder = keras.Sequential(
        [
            keras.Input((3, 4)),
            keras.layers.Flatten(),
            keras.layers.Dense(48),
            keras.layers.Reshape(SHAPE),
        ]
    )
    signals, labels = waves(30)
    model = small(decoder=decoder, reconstruction_weight=10.0)
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    history = model.fit(1e3 * signals, labels, epochs=5, verbose=0).history
    assert history["reconstruction_loss"][-1] < history["reconstruction_loss"][0]
    assert model.reconstruct(1e3 * signals).shape == signals.shape


def test_trained_on_ones_own_file(recipe, own_file, tmp_path, run):
    """Number of classes and shape are those of the file; preset, golden record and evaluation."""
    report = capszoo.training.train(recipe, data=own_file, output=tmp_path / "run", verbose=0)
    assert report["test_signals"] == 90
    preset = capszoo.zoo.read_preset(tmp_path / "run")
    assert preset.model["signal_shape"] == [24, 2]
    assert preset.model["num_classes"] == 3
    assert len(preset.golden.scores) == 3
    model = capszoo.load(tmp_path / "run")
    signals, labels = capszoo.data.load(own_file, "test", kind="signals")
    found = (model.predict(signals, verbose=0).argmax(-1) == labels).mean()
    assert report["test_accuracy"] == pytest.approx(found, abs=1e-6)
    code, out, _ = run("evaluate", tmp_path / "run")
    assert (code, "90 test signals" in out, "agrees" in out) == (0, True, True)
    assert "DO NOT" not in out


@ONCE
def test_searched_on_ones_own_file(recipe, own_file, tmp_path):
    pytest.importorskip("keras_tuner")
    report = capszoo.tuning.search(
        "signal_capsnet",
        data=own_file,
        tuner="random",
        trials=1,
        epochs=1,
        overrides={"conv_filters": 8, "primary_types": 2, "conv_layers": 1},
        output=tmp_path / "search",
    )
    assert report["finished"] == 1
    best = capszoo.zoo.read_preset(report["best"])
    assert best.model["signal_shape"] == [24, 2]
    assert best.model["conv_filters"] == [8]


@ONCE
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": "digits"}, r"Expected signals of shape .* \(1149, 8, 8, 1\)"),
        ({"name": "generated_ecg", "crop": [3, 3]}, r"`data\.crop` is for pictures"),
    ],
)
def test_data_of_another_kind(data, message, recipe, tmp_path):
    changes = {f"data.{key}": value for key, value in data.items()}
    if data["name"] == "digits":
        changes |= {"model.signal_shape": [24, 2], "model.num_classes": 10}
    with pytest.raises(ValueError, match=message):
        capszoo.training.train(recipe, settings=changes, output=tmp_path / "run", verbose=0)


@ONCE
def test_signals_for_pictures(tmp_path):
    with pytest.raises(ValueError, match=r"expected \(height, width, channels\)"):
        capszoo.training.train("capsnet", data="generated_ecg", output=tmp_path / "r", verbose=0)
    with pytest.raises(ValueError, match=r"expected \(length, channels\)"):
        capszoo.tuning.CapsuleHyperModel("signal_capsnet", (28, 28, 1), 10)


@ONCE
def test_predicted_on_the_command_line(tmp_path, run):
    signals, _ = capszoo.data.load("generated_ecg", "test")
    np.save(tmp_path / "three.npy", signals[:3])
    np.save(tmp_path / "one.npy", signals[3])
    np.save(tmp_path / "short.npy", signals[3, :100])
    name = "signal_capsnet_generated_ecg"
    csv = tmp_path / "found.csv"
    code, _, _ = run("predict", name, tmp_path / "three.npy", tmp_path / "one.npy", "--output", csv)
    rows = [row.split(",") for row in csv.read_text().splitlines()]
    assert code == 0
    assert rows[0][3:] == ["score of regular", "score of ectopic", "score of irregular"]
    assert [row[0].rpartition("/")[2] for row in rows[1:]] == [
        *(f"three.npy[{number}]" for number in range(3)),
        "one.npy",
    ]
    scores = capszoo.load(name).predict(signals[:4], verbose=0)
    np.testing.assert_allclose(np.array([row[3:] for row in rows[1:]], float), scores, atol=1e-5)
    code, _, error = run("predict", name, tmp_path / "short.npy")
    assert code != 0
    assert "Received: (100, 2)" in error.replace("\n", " ")
    assert run("predict", name, tmp_path / "photo.png")[0] != 0
    assert run("predict", name, tmp_path / "one.npy", "--invert")[0] != 0


@ONCE
def test_the_preset_is_what_it_says():
    measured = capszoo.training.evaluate("signal_capsnet_generated_ecg", verbose=0)
    assert (measured["signals"], measured["agrees"]) == (1200, True)
    assert measured["golden_difference"] < 1e-4
