"""The task of making pictures: two networks, each trained by its own loss alone."""

import keras
import numpy as np
import pytest
from PIL import Image

import capszoo
from capszoo.layers import LatentNoise
from capszoo.models import get_family
from capszoo.visualization import sheet
from tests.layer_checks import gradients
from tests.layer_checks import to_numpy
from tests.models.test_families import SMALL
from tests.once import ONCE

FAMILIES = ["conv_gan", "capsule_gan", "capsule_generator_gan", "subspace_gan"]
each_family = pytest.mark.parametrize("name", FAMILIES)


def make(name, **arguments):
    return get_family(name)(**{**SMALL[name], **arguments})


@pytest.fixture(scope="module")
def digits():
    return capszoo.data.load("digits", "train")[0][:16]


@each_family
def test_each_network_goes_down_its_own_loss(name, digits, monkeypatch):
    """Against differences of the losses, computed by the two networks alone."""
    latents = np.random.default_rng(0).normal(size=(16, 8)).astype("float32")
    monkeypatch.setattr(
        LatentNoise, "call", lambda self, inputs: keras.ops.cast(latents, "float32")
    )
    model = make(name)
    model.compile(optimizer=keras.optimizers.SGD(1.0))
    generator, discriminator = model.generator, model.discriminator

    def losses():
        # Batch normalization counts the batch: as in training.
        samples = to_numpy(generator(latents, training=True))
        real, made = (
            to_numpy(discriminator(one, training=True))[:, 0].astype("float64")
            for one in (digits.astype("float32") / 255, samples)
        )
        of_real = np.maximum(0.9 - real, 0) ** 2
        of_made = np.maximum(made - 0.1, 0) ** 2
        fooled = np.maximum(0.9 - made, 0) ** 2
        return np.mean(of_real) + np.mean(of_made), np.mean(fooled)

    networks = (discriminator, generator)
    before = [network.get_weights() for network in networks]
    model.train_on_batch(digits)
    after = [
        [to_numpy(variable.value) for variable in network.trainable_variables]
        for network in networks
    ]
    for network, weights in zip(networks, before, strict=True):
        network.set_weights(weights)
    for number, network in enumerate(networks):
        # The number that moved most.
        values = [to_numpy(variable.value) for variable in network.trainable_variables]
        steps = [old - new for old, new in zip(values, after[number], strict=True)]
        chosen = int(np.argmax([np.abs(step).max() for step in steps]))
        variable, value = network.trainable_variables[chosen], values[chosen]
        at = np.unravel_index(np.abs(steps[chosen]).argmax(), value.shape)
        found = []
        for shift in (0.005, -0.005):
            changed = value.copy()
            changed[at] += shift
            variable.assign(changed)
            found.append(losses()[number])
        variable.assign(value)
        assert steps[chosen][at] == pytest.approx((found[0] - found[1]) / 0.01, rel=0.15)


@each_family
def test_makes_pictures(name, tmp_path):
    model = make(name)
    made = model.generate(5, seed=3)
    assert (made.shape, made.dtype) == ((5, 8, 8, 1), np.float32)
    assert 0 <= made.min() < made.max() <= 1
    np.testing.assert_array_equal(made, model.generate(5, seed=3))
    assert np.abs(made - model.generate(5)).max() > 0

    first, last = model.latents(2, seed=0)
    way = model.interpolate(first, last, steps=4)
    np.testing.assert_allclose(way[[0, -1]], model.decode([first, last]), atol=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.generate(5, seed=3), made, atol=1e-5)


@pytest.mark.parametrize("name", ["capsule_gan", "capsule_generator_gan"])
def test_a_generator_fed_by_the_discriminator(name, digits, tmp_path):
    """What it makes depends on the pictures given, by the last capsule's numbers alone."""
    model = make(name, fed_by="discriminator", latent_dim=4, class_dim=4)
    model.compile()
    discriminator = model.discriminator
    inner = keras.Model(discriminator.input, discriminator.get_layer("realness").input)
    poses = to_numpy(inner(digits / np.float32(255)))[:, 0]
    # Moving statistics begin at mean 0 and variance 1, plus Keras' epsilon.
    expected = model.decode(poses / np.sqrt(1.001))
    np.testing.assert_allclose(to_numpy(model(digits)["samples"]), expected, atol=1e-4)
    assert np.abs(expected[0] - expected[1]).max() > 0

    model.fit(digits, batch_size=8, epochs=2, verbose=0)
    moved = to_numpy(model.get_layer("latents").moving_variance)
    assert np.all(moved < 1)
    made = model.generate(3, seed=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.generate(3, seed=0), made, atol=1e-5)
    np.testing.assert_allclose(
        again.predict(digits, verbose=0), model.predict(digits, verbose=0), atol=1e-5
    )
    np.testing.assert_array_equal(to_numpy(again.get_layer("latents").moving_variance), moved)


def test_the_discriminator_learns_nothing_from_what_it_feeds(digits):
    """The pictures made do not change, to the first order, with what feeds their generator."""
    model = make("capsule_gan", fed_by="discriminator", latent_dim=4, class_dim=4)
    variables = model.trainable_variables

    def samples(*tensors):
        others = model.non_trainable_variables
        made = model.stateless_call(list(tensors), others, digits, training=True)[0]["samples"]
        # Each has a part in the result, be it none: a gradient that is not there is warned of.
        return keras.ops.sum(made) + sum(0.0 * keras.ops.sum(tensor) for tensor in tensors)

    found = gradients(samples, *(to_numpy(variable.value) for variable in variables))
    moved = {
        variable.path: np.abs(one).max() > 0 for variable, one in zip(variables, found, strict=True)
    }
    assert not any(moved[variable.path] for variable in model.discriminator.trainable_variables)
    assert all(moved[variable.path] for variable in model.generator.trainable_variables)


def test_the_way_is_an_arc():
    model = make("conv_gan", latent_dim=2)
    taken = []
    model.decode = lambda latents: taken.append(latents)
    model.interpolate([1, 0], [0, 1], steps=3)
    np.testing.assert_allclose(taken[0][1], [np.sqrt(0.5)] * 2)
    model.interpolate([1, 0], [2, 0], steps=3)  # no angle between them
    np.testing.assert_allclose(taken[1][1], [1.5, 0])


def test_learns_from_pictures_alone(digits):
    model = make("capsule_gan")
    model.compile()
    with pytest.raises(ValueError, match="learns from pictures alone"):
        model.fit(digits, np.arange(16), verbose=0)
    found = model.fit(digits, batch_size=8, verbose=0).history
    assert found["loss"][0] == pytest.approx(
        found["discriminator_loss"][0] + found["generator_loss"][0], rel=1e-4
    )
    model.fit(digits[:1], verbose=0)
    model.fit(np.zeros_like(digits), verbose=0)
    assert np.isfinite(model.generate(2)).all()


def test_judged_by_a_classifier(digits):
    """Real pictures, made by a generator that knows them, are as good as real ones."""
    model = make("conv_gan")
    model.compile()
    far = model.measure(digits)
    assert far["frechet_distance"] > 0.5
    model.generate = lambda count, seed, batch_size: digits[:count] / 255
    near = model.measure(digits)
    assert near["frechet_distance"] == pytest.approx(0, abs=1e-4)
    scores = np.sort(capszoo.load("efficient_capsnet_digits").predict(digits, verbose=0))
    sure = np.mean((scores[:, -1] >= 0.9) & (scores[:, -2] <= 0.1))
    assert near["sureness"] == pytest.approx(sure)
    assert far["sureness"] < sure


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("conv_gan", {"image_shape": (10, 8, 1)}, "multiples of 4"),
        ("capsule_gan", {"image_shape": (8, 6, 1)}, "multiples of 4"),
        ("capsule_generator_gan", {"latent_dim": 7}, "multiple of 2"),
        ("capsule_gan", {"fed_by": "discriminator"}, "latent_dim=8, class_dim="),
        ("capsule_gan", {"fed_by": "pictures"}, "fed_by"),
        ("capsule_generator_gan", {"generator_filters": (8, 4)}, "generator_filters"),
        ("subspace_gan", {"generator_filters": (8, 4)}, "generator_filters"),
        ("subspace_gan", {"capsule_types": (3,)}, "two numbers of `capsule_types`"),
        ("conv_gan", {"normalization": "per_image"}, "expected None"),
        ("conv_gan", {"judge": "../judge"}, "name of a preset"),
    ],
)
def test_bad_arguments(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(name, **arguments)


@pytest.mark.parametrize("judge", ["conv_net_digits", "cluster_capsnet_digits", "capsgnn_nci1"])
def test_judges_are_capsule_networks_of_pictures(judge, digits):
    model = make("conv_gan", judge=judge)
    model.compile()
    with pytest.raises(ValueError, match="lengths of capsules"):
        model.measure(digits)


def test_bad_calls():
    model = make("conv_gan")
    with pytest.raises(ValueError, match=r"latents of the shape \(n, 8\)"):
        model.decode(np.zeros((2, 7)))
    with pytest.raises(ValueError, match=r"two latents of the shape \(8,\)"):
        model.interpolate(np.zeros(8), np.zeros(7))
    with pytest.raises(ValueError, match="count"):
        model.generate(0)


def test_sheet():
    pictures = np.arange(5)[:, None, None, None] / 4 * np.ones((1, 2, 3, 1))
    laid = sheet(pictures, columns=2)
    assert laid.shape == (8, 7, 1)
    assert laid[0, 4, 0] == 64  # the second of the first row
    assert laid[3, 0, 0] == 128  # the first of the second row
    assert laid[2, 0, 0] == 255  # between them
    with pytest.raises(ValueError, match="pictures of the shape"):
        sheet(pictures[0])


@ONCE
def test_commands(tmp_path, run):
    file = tmp_path / "sheet.png"
    arguments = ("generate", "capsule_gan_digits", "--count", "3", "--seed", "0", "--output")
    assert run(*arguments, file)[0] == 0
    # Small pictures are enlarged to at least 28 pixels: two by two of 32, and one between.
    with Image.open(file) as laid:
        assert (laid.size, laid.mode) == ((65, 65), "L")
    for wrong, message in (
        ((*arguments, tmp_path / "sheet.jpg"), "ends in .png"),
        ((*arguments, tmp_path / "none" / "sheet.png"), "a folder that exists"),
        (("generate", "capsnet_digits"), "makes no pictures"),
        (("predict", "capsule_gan_digits", file), "capszoo generate capsule_gan_digits"),
    ):
        code, _, err = run(*wrong)
        assert code == 2
        assert message in " ".join(err.split())
