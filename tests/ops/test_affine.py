"""Affine maps against golden vectors and NumPy, and templates placed against a loop."""

import numpy as np
import pytest

from capszoo.ops import affine_of_pose
from capszoo.ops import compose_affine
from capszoo.ops import place_templates
from tests.layer_checks import evaluate
from tests.layer_checks import value_and_gradients
from tests.routing.golden import sequence

# What the authors' code gave.
AFFINE = [
    [-0.405550, 0.539256, 0.462117, -0.532434, 0.172998, -0.905148],
    [-0.763775, -0.015685, -0.462117, -0.299770, -0.412599, -0.986614],
]


def test_golden():
    found = evaluate(affine_of_pose, sequence((2, 6)))
    np.testing.assert_allclose(found.reshape(2, 6), AFFINE, atol=2e-6)


def test_no_pose_folds_a_template():
    poses = np.random.default_rng(0).normal(size=(50, 6)).astype("float32")
    places = evaluate(affine_of_pose, poses)
    scale = 1 / (1 + np.exp(-poses[:, :2])) + 0.01
    np.testing.assert_allclose(np.linalg.det(places[:, :, :2]), scale.prod(1), rtol=1e-3)


def test_one_after_the_other():
    random = np.random.default_rng(0)
    outer, inner = random.normal(size=(2, 3, 4, 2, 3)).astype("float32")

    def whole(maps):
        below = np.broadcast_to([0.0, 0, 1], (*maps.shape[:-2], 1, 3))
        return np.concatenate([maps, below], axis=-2)

    expected = (whole(outer) @ whole(inner))[..., :2, :]
    np.testing.assert_allclose(evaluate(compose_affine, outer, inner), expected, atol=1e-5)


def by_loop(templates, places, size):
    """Each pixel asks its place on the template what is there, between zeros around it."""
    parts, rows, columns, channels = templates.shape
    drawn = np.zeros((len(places), parts, *size, channels))
    reached = np.zeros((len(places), parts, *size, 1))
    padded = np.pad(np.concatenate([templates, np.ones((parts, rows, columns, 1))], -1),
                    [(0, 0), (1, 1), (1, 1), (0, 0)])  # fmt: skip
    for sample, part, i, j in np.ndindex(*drawn.shape[:-1]):
        place = places[sample, part]
        point = np.array([(j + 0.5) * 2 / size[1] - 1, (i + 0.5) * 2 / size[0] - 1])
        x, y = np.linalg.solve(place[:, :2], point - place[:, 2])
        # One more for the border.
        column, row = (x + 1) * columns / 2 + 0.5, (y + 1) * rows / 2 + 0.5
        if not (0 < row < rows + 1 and 0 < column < columns + 1):
            continue
        top, left = int(row), int(column)
        for a, b in np.ndindex(2, 2):
            weight = (1 - abs(row - top - a)) * (1 - abs(column - left - b))
            value = padded[part, top + a, left + b]
            drawn[sample, part, i, j] += weight * value[:-1]
            reached[sample, part, i, j] += weight * value[-1]
    return drawn, reached


@pytest.mark.parametrize("channels", [1, 3])
def test_templates_are_placed(channels):
    random = np.random.default_rng(0)
    templates = random.uniform(size=(3, 4, 5, channels)).astype("float32")
    places = evaluate(affine_of_pose, random.normal(size=(2, 3, 6)).astype("float32") * 0.3)
    drawn, reached = evaluate(lambda t, p: place_templates(t, p, (6, 7)), templates, places)
    expected, of_ones = by_loop(templates, places, (6, 7))
    np.testing.assert_allclose(drawn, expected, atol=1e-4)
    np.testing.assert_allclose(reached, of_ones, atol=1e-4)
    assert 0 < (reached > 0).mean() < 1


def test_a_template_as_large_as_the_picture_is_the_picture():
    template = np.random.default_rng(0).uniform(size=(1, 5, 6, 1)).astype("float32")
    whole = np.array([[[[1, 0, 0], [0, 1, 0]]]], "float32")
    drawn, reached = evaluate(lambda t, p: place_templates(t, p, (5, 6)), template, whole)
    np.testing.assert_allclose(drawn[0], template, atol=1e-5)
    np.testing.assert_allclose(reached, 1, atol=1e-5)


def test_gradients_are_slopes():
    random = np.random.default_rng(3)
    templates = random.uniform(size=(2, 4, 4, 1)).astype("float32")
    places = evaluate(affine_of_pose, random.normal(size=(1, 2, 6)).astype("float32") * 0.2)

    def draw(templates, places):
        return place_templates(templates, places, (6, 6))[0]

    value, found = value_and_gradients(draw, templates, places)
    weights = np.random.default_rng(1).normal(size=value.shape)
    for number, gradient in enumerate(found):
        direction = random.normal(size=gradient.shape)
        ends = []
        for step in (-1e-5, 1e-5):
            moved = [np.float64(templates), np.float64(places)]
            moved[number] += step * direction
            ends.append((by_loop(*moved, (6, 6))[0] * weights).sum())
        slope = (ends[1] - ends[0]) / 2e-5
        assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-3, abs=1e-3)
