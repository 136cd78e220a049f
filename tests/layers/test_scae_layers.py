"""The layers of stacked capsule autoencoders, each against NumPy or what must hold of it."""

import json

import keras
import numpy as np
import pytest

from capszoo.layers import NoisyPresence
from capszoo.layers import ObjectCapsules
from capszoo.layers import ObjectEncoder
from capszoo.layers import PartCapsules
from capszoo.layers import PartExplanation
from capszoo.layers import TemplateDecoder
from capszoo.ops import affine_of_pose
from tests.layer_checks import to_numpy
from tests.layer_checks import value_and_gradients

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(2, 3, 4, 5)).astype("float32")
PLACES = to_numpy(affine_of_pose(RANDOM.normal(size=(2, 3, 6)).astype("float32") * 0.3))
PRESENCE = np.array([[0.9, 0.2, 0], [1, 1, 0.5]], "float32")
SPECIAL = RANDOM.normal(size=(2, 3, 4)).astype("float32")
DESCRIBED = RANDOM.normal(size=(2, 4, 6)).astype("float32")
LAYERS = [
    (NoisyPresence(1.0, seed=3), (PRESENCE,)),
    (PartCapsules(3, 4), (FEATURES,)),
    (TemplateDecoder((6, 7, 1), (4, 3), 5), (PLACES, PRESENCE, SPECIAL)),
    (ObjectEncoder(5, 6, layers=2, dim=8, heads=2), (PLACES, PRESENCE, SPECIAL)),
    (ObjectCapsules(3, units=7, parameters=5), (DESCRIBED,)),
]


def shapes(structure):
    return [tuple(one.shape)[1:] for one in keras.tree.flatten(structure)]


@pytest.mark.parametrize(("layer", "given"), LAYERS, ids=lambda one: type(one).__name__)
def test_every_layer(layer, given):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()
    symbols = [keras.KerasTensor((None, *one.shape[1:])) for one in given]
    outputs = layer(*given)
    assert shapes(again(*symbols)) == shapes(outputs)
    again.set_weights(layer.get_weights())
    for one, other in zip(
        keras.tree.flatten(to_numpy(outputs)),
        keras.tree.flatten(to_numpy(again(*given))),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-5)
    # A sample does not depend on the others.
    alone = to_numpy(layer(*[one[:1] for one in given]))
    for one, other in zip(
        keras.tree.flatten(alone), keras.tree.flatten(to_numpy(outputs)), strict=True
    ):
        np.testing.assert_allclose(one, other[:1], atol=1e-5)


def test_presence_is_noisy_in_training_alone():
    layer = NoisyPresence(2.0, seed=0)
    logits = np.zeros((400, 3), "float32")
    np.testing.assert_array_equal(to_numpy(layer(logits)), 0.5)
    noisy = to_numpy(layer(logits, training=True))
    drawn = np.log(noisy / (1 - noisy))
    assert 1.9 < drawn.max() <= 2.001
    assert -2.001 <= drawn.min() < -1.9
    assert abs(drawn.mean()) < 0.15
    assert (to_numpy(layer(logits, training=True)) != noisy).any()
    assert NoisyPresence(dtype="mixed_float16")(logits).dtype in ("float32", layer(logits).dtype)


def test_parts_are_gathered_where_they_attend():
    layer = PartCapsules(3, 4)
    layer.build(FEATURES.shape)
    bias = RANDOM.normal(size=layer.position_bias.shape).astype("float32")
    layer.position_bias.assign(bias)
    kernel = to_numpy(layer.kernel)
    features = (FEATURES + bias).reshape(2, 12, 5)
    places, logits, special = to_numpy(layer(FEATURES))
    for sample, part in np.ndindex(2, 3):
        numbers = features[sample] @ kernel[:, part]
        weights = np.exp(numbers[:, -1]) / np.exp(numbers[:, -1]).sum()
        gathered = weights @ numbers[:, :-1]
        expected = to_numpy(affine_of_pose(gathered[None, :6]))[0]
        np.testing.assert_allclose(places[sample, part], expected, atol=1e-5)
        np.testing.assert_allclose(logits[sample, part], gathered[6], atol=1e-5)
        np.testing.assert_allclose(special[sample, part], gathered[7:], atol=1e-5)


def test_what_is_absent_or_elsewhere_draws_nothing():
    decoder = TemplateDecoder((6, 6, 1), 4)
    far = PLACES.copy()
    far[0, 0] = [[0.1, 0, 5], [0, 0.1, 5]]
    seen, drawn, logits = to_numpy(decoder(far, PRESENCE, SPECIAL))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert shares[0, 0].max() < 1e-6  # elsewhere
    assert shares[0, 2].max() < 1e-6  # absent
    assert shares[1, 0].max() > 0.1
    np.testing.assert_allclose(seen, (shares * drawn).sum(axis=1), atol=1e-5)
    background = 1 / (1 + np.exp(3.0))
    np.testing.assert_allclose(drawn[:, -1], background, atol=1e-6)


def test_templates_begin_unlike_each_other():
    decoder = TemplateDecoder((8, 8, 1), 5)
    decoder(PLACES, PRESENCE, SPECIAL)
    templates = to_numpy(decoder.templates).reshape(3, -1)
    np.testing.assert_allclose([templates.min(1), templates.max(1)], [[0] * 3, [1] * 3], atol=1e-6)
    assert np.abs(np.corrcoef(templates) - np.eye(3)).max() < 0.5


def test_objects_do_not_see_the_order_of_parts():
    layer = ObjectEncoder(5, 6, layers=2, dim=8)
    before = to_numpy(layer(PLACES, PRESENCE, SPECIAL))
    order = [2, 0, 1]
    layer.identities.assign(to_numpy(layer.identities)[order])
    after = to_numpy(layer(PLACES[:, order], PRESENCE[:, order], SPECIAL[:, order]))
    np.testing.assert_allclose(after, before, atol=1e-5)
    assert np.abs(np.diff(before, axis=1)).max() > 1e-3


def test_votes_are_one_map_after_the_other():
    layer = ObjectCapsules(3, units=7, parameters=5)
    poses, votes, deviations, logits, in_objects, changes = to_numpy(layer(DESCRIBED))
    static = to_numpy(layer.static)
    parts = to_numpy(affine_of_pose(static + changes))

    def whole(maps):
        maps = maps.reshape(*maps.shape[:-1], 2, 3) if maps.shape[-1] == 6 else maps
        below = np.broadcast_to([0.0, 0, 1], (*maps.shape[:-2], 1, 3))
        return np.concatenate([maps, below], axis=-2)

    expected = (whole(poses)[:, :, None] @ whole(parts))[..., :2, :]
    np.testing.assert_allclose(votes.reshape(expected.shape), expected, atol=1e-5)
    assert deviations.min() > 0.01
    assert (logits.shape, in_objects.shape) == ((2, 4), (2, 4, 3))


def test_no_gradient_flows_from_explanations_to_parts():
    layer = PartExplanation()
    votes = RANDOM.normal(size=(2, 4, 3, 6)).astype("float32")
    shares = RANDOM.uniform(0.1, 1, size=(2, 4, 3)).astype("float32")
    _, posterior = to_numpy(layer(PLACES, votes, shares, shares[..., 0], shares))
    assert (posterior.sum(axis=1) < 1).all()

    def density(places, votes):
        found = layer(places, votes, shares, shares[..., 0], shares)[0]
        # A gradient of zero, where PyTorch would have none.
        return found + 0 * keras.ops.sum(places)

    _, (of_places, of_votes) = value_and_gradients(density, PLACES, votes)
    np.testing.assert_array_equal(of_places, 0)
    assert np.abs(of_votes).max() > 0


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: NoisyPresence(-1), "noise"),
        (lambda: PartCapsules(0, 4), "num_capsules"),
        (lambda: PartCapsules(3, 4)(FEATURES[0]), "features of shape"),
        (lambda: TemplateDecoder((6, 7)), "image_shape"),
        (lambda: TemplateDecoder((6, 7, 1), (4, 0)), "template_size"),
        (lambda: ObjectEncoder(0), "num_objects"),
        (lambda: ObjectCapsules(3, units=0), "units"),
        (lambda: ObjectCapsules(3)(FEATURES), "objects of shape"),
    ],
)
def test_bad_arguments(make, match):
    with pytest.raises(ValueError, match=match):
        make()
