"""The layers of subparts and parts, each against loops in NumPy or what must hold of it."""

import json

import keras
import numpy as np
import pytest

from capszoo.layers import SubpartCapsules
from capszoo.layers import SubpartDecoder
from capszoo.layers import SubpartParsing
from tests.layer_checks import to_numpy
from tests.layer_checks import value_and_gradients

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(2, 3, 4, 5)).astype("float32")
PLACES = np.zeros((2, 3, 2, 3), "float32")
PLACES[..., 0, 0], PLACES[..., 1, 1] = RANDOM.uniform(0.3, 0.9, size=(2, 2, 3))
PLACES[..., 2] = RANDOM.uniform(-0.6, 0.6, size=(2, 3, 2))
PRESENCE = np.array([[0.9, 0.2, 0], [1, 1, 0.5]], "float32")
SPECIAL = RANDOM.normal(size=(2, 3, 4)).astype("float32")
DESCRIBED = RANDOM.normal(size=(2, 4, 6)).astype("float32")
LAYERS = [
    (SubpartCapsules(5, 4, kernel_initializer="glorot_uniform"), (FEATURES,)),
    (SubpartDecoder((6, 7, 2), (4, 3), 2), (PLACES, PRESENCE, SPECIAL)),
    (SubpartParsing(3), (DESCRIBED, PLACES, PRESENCE)),
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
    pairs = [(outputs, again(*given)), (layer(*[one[:1] for one in given]), outputs)]
    for one, other in pairs:
        for a, b in zip(keras.tree.flatten(one), keras.tree.flatten(other), strict=True):
            a, b = to_numpy(a), to_numpy(b)
            # A sample does not depend on the others.
            np.testing.assert_allclose(a, b[: len(a)], atol=1e-5)


def randomized(layer, *shapes_given):
    layer.build(*shapes_given)
    layer.set_weights([0.5 * RANDOM.normal(size=one.shape) for one in layer.get_weights()])
    return {variable.name: to_numpy(variable) for variable in layer.weights}


def test_subparts_are_where_they_look():
    layer = SubpartCapsules(5, 4, reach=0.4, size=0.3)
    of = randomized(layer, FEATURES.shape)
    places, logits, special = to_numpy(layer(FEATURES))
    points = [(-0.75, -2 / 3), (-0.25, -2 / 3), (0.25, -2 / 3), (0.75, -2 / 3)]
    points = np.array([(x, y + 2 / 3 * row) for row in range(3) for x, y in points])
    for sample, part in np.ndindex(2, 5):
        numbers = FEATURES[sample].reshape(12, 5) @ of["kernel"][:, part]
        away = ((points - of["homes"][part]) ** 2).sum(axis=1)
        weights = np.exp(numbers[:, -1] - away / (2 * 0.4**2))
        weights /= weights.sum()
        gathered = weights @ numbers[:, :-1] + of["bias"][part]
        scales = 0.3 * 2 ** np.tanh(gathered[:2])
        expected = np.c_[np.diag(scales), weights @ points]
        np.testing.assert_allclose(places[sample, part], expected, atol=1e-5)
        np.testing.assert_allclose(logits[sample, part], gathered[2], atol=1e-5)
        np.testing.assert_allclose(special[sample, part], gathered[3:], atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 5, 16])
def test_homes_begin_spread_over_the_picture(count):
    layer = SubpartCapsules(count, 2)
    layer.build(FEATURES.shape)
    homes = to_numpy(layer.homes)
    assert np.abs(homes).max() < 1
    np.testing.assert_allclose(homes.mean(axis=0)[0], 0, atol=1e-6)
    away = np.linalg.norm(homes[:, None] - homes, axis=-1) + 9 * np.eye(count)
    assert away.min() > 1 / np.sqrt(count)


def interpolated(template, y, x):
    """What a template holds at a point from -1 to 1, beyond its edge the same as on it."""
    rows, columns = template.shape[:2]
    y = np.clip((y + 1) * rows / 2 - 0.5, 0, rows - 1)
    x = np.clip((x + 1) * columns / 2 - 0.5, 0, columns - 1)
    top, left = min(int(y), max(rows - 2, 0)), min(int(x), max(columns - 2, 0))
    down, right = min(top + 1, rows - 1), min(left + 1, columns - 1)
    above = template[top, left] * (1 - (x - left)) + template[top, right] * (x - left)
    below = template[down, left] * (1 - (x - left)) + template[down, right] * (x - left)
    return above * (1 - (y - top)) + below * (y - top)


@pytest.mark.parametrize("appearance_size", [1, 3])
def test_pictures_are_shared_out_pixel_by_pixel(appearance_size):
    layer = SubpartDecoder((6, 7, 2), (4, 3), appearance_size, steepness=1.5)
    of = randomized(layer, PLACES.shape, PRESENCE.shape, SPECIAL.shape)
    seen, drawn, visible = to_numpy(layer(PLACES, PRESENCE, SPECIAL))
    for sample, row, column in np.ndindex(2, 6, 7):
        y, x = (2 * row + 1) / 6 - 1, (2 * column + 1) / 7 - 1
        says, values = [], []
        for part in range(3):
            place, features = PLACES[sample, part], SPECIAL[sample, part]
            u, v = (x - place[0, 2]) / place[0, 0], (y - place[1, 2]) / place[1, 1]
            shape = of["shapes"][part] + np.tensordot(features, of["shape_changes"][part], 1)
            look = of["appearances"][part]
            look = look + np.tensordot(features, of["appearance_changes"][part], 1)
            says.append(interpolated(shape, v, u)[0] - 1.5 * (u**2 + v**2))
            values.append(1 / (1 + np.exp(-interpolated(look, v, u))))
        shares = np.exp(says) * np.maximum(PRESENCE[sample], 1e-16)
        shares /= shares.sum()
        at = sample, slice(None), row, column
        np.testing.assert_allclose(np.exp(visible[at])[:, 0], shares, atol=1e-5)
        np.testing.assert_allclose(drawn[at], values, atol=1e-5)
        np.testing.assert_allclose(seen[sample, row, column], shares @ values, atol=1e-5)


def test_who_is_absent_is_not_seen():
    layer = SubpartDecoder((6, 6, 1), 3)
    _, _, visible = to_numpy(layer(PLACES, PRESENCE, SPECIAL))
    assert np.exp(visible[0, 2]).max() < 1e-6
    np.testing.assert_allclose(np.exp(visible).sum(axis=1), 1, atol=1e-5)
    assert np.isfinite(to_numpy(layer(PLACES, 0 * PRESENCE, SPECIAL))[0]).all()


def test_subparts_belong_to_the_parts_that_explain_them():
    layer = SubpartParsing(3, deviation=0.4, reach=0.5)
    layer.build(DESCRIBED.shape, PLACES.shape, PRESENCE.shape)
    layer.set_weights([0.5 * RANDOM.normal(size=one.shape) for one in layer.get_weights()])
    kernel, bias = map(to_numpy, (layer.numbers.kernel, layer.numbers.bias))
    homes, at, membership = map(to_numpy, (layer.homes, layer.at, layer.membership))
    places, presence, density, belongs = to_numpy(layer(DESCRIBED, PLACES, PRESENCE))
    expected = np.exp(membership - (at**2).sum(axis=-1) / (2 * 0.5**2))
    expected /= expected.sum(axis=0)
    np.testing.assert_allclose(belongs, [expected] * 2, atol=1e-5)
    for sample in range(2):
        likely = np.zeros((4, 3))
        for part in range(4):
            numbers = DESCRIBED[sample, part] @ kernel + bias
            middle = homes[part] + 0.5 * np.tanh(numbers[:2])
            scale = 2 ** np.tanh(numbers[2:])
            whole = np.c_[np.diag(scale), middle]
            np.testing.assert_allclose(places[sample, part], whole, atol=1e-5)
            there = (expected[part] * PRESENCE[sample]).sum() / expected[part].sum()
            np.testing.assert_allclose(presence[sample, part], there, atol=1e-5)
            for subpart in range(3):
                away = PLACES[sample, subpart, :, 2] - middle - scale * at[part, subpart]
                normal = np.exp(-((away / 0.4) ** 2) / 2) / np.sqrt(2 * np.pi) / 0.4
                likely[part, subpart] = normal.prod()
        explained = np.log((expected * likely).sum(axis=0))
        np.testing.assert_allclose(density[sample], explained, rtol=1e-4)


def test_no_gradient_flows_from_the_parts_to_the_places():
    layer = SubpartParsing(3)
    layer.build(DESCRIBED.shape, PLACES.shape, PRESENCE.shape)

    def density(described, places):
        # A gradient of zero, where PyTorch would have none.
        return layer(described, places, PRESENCE)[2] + 0 * keras.ops.sum(places)

    _, (of_described, of_places) = value_and_gradients(density, DESCRIBED, PLACES)
    np.testing.assert_array_equal(of_places, 0)
    assert np.abs(of_described).max() > 0


def test_refused():
    for arguments in ({"num_capsules": 0}, {"feature_dim": 1.5}, {"reach": 0}, {"size": -1}):
        with pytest.raises(ValueError, match=next(iter(arguments))):
            SubpartCapsules(**{"num_capsules": 3, "feature_dim": 2, **arguments})
    for arguments in ({"shape_size": 0}, {"appearance_size": (1, 0)}, {"steepness": -1}):
        with pytest.raises(ValueError, match=next(iter(arguments))):
            SubpartDecoder((6, 6, 1), **arguments)
    for arguments in ({"num_subparts": 0}, {"deviation": 0}, {"reach": float("nan")}):
        with pytest.raises(ValueError, match=next(iter(arguments))):
            SubpartParsing(**{"num_subparts": 3, **arguments})
    with pytest.raises(ValueError, match=r"\(batch, height, width, channels\)"):
        SubpartCapsules(3, 2)(FEATURES[0])
    with pytest.raises(ValueError, match=r"\(batch, parts, size\)"):
        SubpartParsing(3)(DESCRIBED[0], PLACES, PRESENCE)
