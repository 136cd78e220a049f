"""CapsNet: the paper's size, what it learns, its shapes and its errors."""

import keras
import numpy as np
import pytest

import capszoo
from tests.layer_checks import to_numpy
from tests.models import tiny


def test_parameters_of_the_paper():
    model = capszoo.models.CapsNet()
    assert model.count_params() == 8_215_728
    assert model.count_params() - model.decoder.count_params() == 6_804_384
    layers = ("conv", "primary_capsules", "class_capsules", "decoder")
    counts = [model.get_layer(name).count_params() for name in layers]
    assert counts == [20_992, 5_308_672, 1_474_720, 1_411_344]
    assert model.get_layer("primary_capsules").output.shape == (None, 6, 6, 32, 8)


def test_learns_32_images():
    images, labels = capszoo.data.load("digits", "train")
    images, labels = images[:32], labels[:32]
    model = tiny.capsnet(
        image_shape=(8, 8, 1), num_classes=10, conv_filters=16, primary_strides=1, class_dim=8
    )
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    model.fit(images, labels, batch_size=16, epochs=40, verbose=0)
    assert (model.predict(images, verbose=0).argmax(-1) == labels).all()
    assert model.evaluate(images, labels, verbose=0, return_dict=True)["accuracy"] == 1


def test_every_variable_has_a_gradient():
    images, labels = tiny.data(8)
    model = tiny.capsnet(reconstruction_weight=0.1)
    model.compile(optimizer=keras.optimizers.SGD(1.0))
    before = to_numpy(model.trainable_variables)
    model.train_on_batch(images, labels)
    for variable, old in zip(model.trainable_variables, before, strict=True):
        gradient = old - to_numpy(variable)
        assert np.isfinite(gradient).all(), variable.path
        assert np.abs(gradient).max() > 0, variable.path


def test_outputs():
    images, _ = tiny.data(5)
    model = tiny.capsnet()
    outputs = model(images)
    # The convolutions leave 10x8, then 3x2 positions, each with 3 types of capsules.
    assert {key: tuple(value.shape) for key, value in outputs.items()} == {
        "scores": (5, 3),
        "poses": (5, 3, 5),
        "coupling": (5, 3, 3 * 2 * 3),
        "reconstructions": (5, *tiny.SHAPE),
    }
    scores, poses = model.predict(images, verbose=0), model.encode(images, batch_size=2)
    np.testing.assert_allclose(scores, np.linalg.norm(poses, axis=-1), atol=1e-3)
    np.testing.assert_allclose(model.coupling(images).sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(
        model.reconstruct(images), to_numpy(outputs["reconstructions"]), atol=1e-5
    )


def test_without_decoder():
    images, labels = tiny.data(4)
    model = tiny.capsnet(decoder=None)
    model.compile()
    history = model.fit(images, labels, verbose=0).history
    assert set(history) == {"loss", "accuracy"}
    expected = r"'capsnet' has no decoder to reconstruct with\. Build it with decoder=\(512, 1024\)"
    with pytest.raises(ValueError, match=expected):
        model.reconstruct(images)
    for decoder in ({}, {"class_name": "Dense"}, {"config": 3}):
        with pytest.raises(ValueError, match="`decoder`, expected a config with class_name"):
            tiny.capsnet(decoder=decoder)


def test_own_decoder():
    images, labels = tiny.data(4)
    decoder = keras.Sequential(
        [
            keras.layers.Flatten(),
            keras.layers.Dense(int(np.prod(tiny.SHAPE))),
            keras.layers.Reshape(tiny.SHAPE),
        ]
    )
    model = tiny.capsnet(decoder=decoder)
    model.compile()
    model.fit(images, labels, verbose=0)
    again = type(model).from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(again.reconstruct(images), model.reconstruct(images), atol=1e-5)


@pytest.mark.parametrize(
    ("image_shape", "smallest"), [((4, 10, 1), 5), ((10, 4, 1), 5), ((1, 1, 1), 5)], ids=str
)
def test_image_too_small(image_shape, smallest):
    with pytest.raises(ValueError, match=f"too small.*{smallest}x{smallest}"):
        tiny.capsnet(image_shape=image_shape)
    assert tiny.capsnet(image_shape=(smallest, smallest, 1)).count_params()
    assert tiny.capsnet(image_shape=image_shape, padding="same").count_params()


@pytest.mark.parametrize(
    "arguments",
    [
        {"image_shape": (12, 12)},
        {"image_shape": (12, 0, 1)},
        {"num_classes": 0},
        {"conv_filters": -1},
        {"conv_kernel_size": 0},
        {"primary_types": 0},
        {"primary_dim": 0},
        {"primary_kernel_size": -3},
        {"primary_strides": 0},
        {"class_dim": 1.5},
        {"padding": "full"},
        {"decoder": (0,)},
        {"num_objects": 4},
        {"reconstruction_weight": -1},
        {"rescaling": "max"},
        {"primary_squash_power": 1.5},
        {"primary_length_penalty": -1.0},
    ],
    ids=str,
)
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match=r"eceived|Expected one of"):
        tiny.capsnet(**arguments)


def test_restrained_primary_capsules():
    images, labels = tiny.data(8)
    plain = tiny.capsnet(decoder=None)
    model = tiny.capsnet(decoder=None, primary_squash_power=4, primary_length_penalty=0.01)
    model.set_weights(plain.get_weights())
    again = type(model).from_config(model.get_config())
    again.set_weights(plain.get_weights())
    for one in (plain, model, again):
        one.compile()
    primary = keras.Model(model.inputs, model.get_layer("primary_capsules").output)
    lengths = np.linalg.norm(primary.predict(images, verbose=0), axis=-1)
    expected = keras.ops.mean(model.loss.call(labels, model.predict(images, verbose=0)))
    expected = float(expected) + 0.01 * lengths.sum() / len(images)
    for one in (model, again):
        found = one.evaluate(images, labels, verbose=0, return_dict=True)["loss"]
        np.testing.assert_allclose(found, expected, rtol=1e-3)
    without = keras.Model(plain.inputs, plain.get_layer("primary_capsules").output)
    short = np.linalg.norm(without.predict(images, verbose=0), axis=-1)
    assert (lengths < short).mean() > 0.5


def test_bad_decoder():
    with pytest.raises(ValueError, match="`decoder`, expected a sequence of hidden units"):
        tiny.capsnet(decoder="dense")
    with pytest.raises(ValueError, match="config of argument `decoder` makes no layer"):
        tiny.capsnet(decoder={"class_name": "Dense", "config": {"units": 0}})


def test_unknown_routing():
    with pytest.raises(ValueError, match=r"'dynamc'. Did you mean 'dynamic'\?"):
        tiny.capsnet(routing="dynamc")


@pytest.mark.parametrize("routing", ["self_attention", {"name": "dynamic", "iterations": 1}])
def test_routing_by_argument(routing):
    model = tiny.capsnet(routing=routing)
    again = type(model).from_config(model.get_config())
    assert type(again.routing) is type(model.routing)
    images, labels = tiny.data(4)
    again.compile()
    assert np.isfinite(again.fit(images, labels, verbose=0).history["loss"]).all()


def test_several_convolutions():
    model = tiny.capsnet(
        conv_filters=(4, 6, 5), conv_kernel_size=(3, (3, 1), 1), conv_strides=(1, 1, (2, 1))
    )
    kernels = [tuple(model.get_layer(name).kernel.shape) for name in ("conv", "conv_2", "conv_3")]
    assert kernels == [(3, 3, 1, 4), (3, 1, 4, 6), (1, 1, 6, 5)]
    # 12x10 to 10x8, 8x8, 4x8, and windows of 3 in steps of 3.
    assert model.get_layer("primary_capsules").output.shape[1:3] == (1, 2)
    images, labels = tiny.data(12)
    model.compile()
    assert np.isfinite(model.fit(images, labels, verbose=0).history["loss"]).all()
    again = type(model).from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(
        again.predict(images, verbose=0), model.predict(images, verbose=0)
    )


def test_features_keep_their_size_through_many_convolutions(rng):
    model = capszoo.models.CapsNet(
        (28, 28, 1), conv_filters=(64,) * 5, conv_kernel_size=3, primary_types=4, decoder=None
    )
    images = rng.integers(0, 256, size=(4, 28, 28, 1)).astype("uint8")
    inner = keras.Model(model.inputs[0], model.get_layer("conv_5").output)
    assert 0.1 < to_numpy(inner(images)).std() < 10


def test_one_convolution_of_a_sequence_is_that_convolution():
    one, sequence = tiny.capsnet(), tiny.capsnet(conv_filters=(6,))
    assert [v.path for v in one.weights][:2] == [v.path for v in sequence.weights][:2]
    assert [v.shape for v in one.weights] == [v.shape for v in sequence.weights]
