"""Maps of votes: where child capsules see, and what they gave each class."""

import keras
import numpy as np
import pytest

import capszoo
from capszoo.visualization.places import child_maps
from tests.once import ONCE

SIZE = 14


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return capszoo.models.CapsNet(
        (SIZE, SIZE, 1), 3, 4, 3, primary_types=2, primary_kernel_size=4, decoder=None
    )


def pictures(count=2):
    return np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE, 1), dtype="uint8")


def test_given_is_coupling_times_length(model):
    images = pictures()
    (found,) = capszoo.visualization.vote_maps(model, images)
    children = keras.Model(model.input, model.get_layer("primary_capsules").output)
    poses = children.predict(images, verbose=0)
    coupling = model.coupling(images)
    count, rows, columns, types, _ = poses.shape
    assert found.given.shape == (count, 3, rows, columns)
    expected = np.zeros_like(found.given)
    for image in range(count):
        for row in range(rows):
            for column in range(columns):
                for kind in range(types):
                    child = (row * columns + column) * types + kind
                    length = np.linalg.norm(poses[image, row, column, kind])
                    expected[image, :, row, column] += coupling[image, :, child] * length
    np.testing.assert_allclose(found.given, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.shares().sum(axis=1), 1.0, rtol=1e-4)


def test_the_first_iteration_prefers_no_class(model):
    (first,) = capszoo.visualization.vote_maps(model, pictures(), iterations=1)
    np.testing.assert_allclose(first.shares(), 1 / 3, rtol=1e-4)
    (last,) = capszoo.visualization.vote_maps(model, pictures(), iterations=3)
    np.testing.assert_array_equal(
        last.given, capszoo.visualization.vote_maps(model, pictures())[0].given
    )
    assert model.get_layer("class_capsules").routing.iterations == 3
    with pytest.raises(ValueError, match=r"between 1 and 3\. Received: iterations=4"):
        capszoo.visualization.vote_maps(model, pictures(), iterations=4)


@ONCE
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_places_are_the_middles_of_what_is_seen(padding):
    model = capszoo.models.CapsNet(
        (SIZE, SIZE, 1), 3, 2, 3, 2, 4, 4, decoder=None, padding=padding, normalization=None
    )
    (found,) = child_maps(model.get_layer("class_capsules"), (SIZE, SIZE))
    children = keras.Model(model.input, model.get_layer("primary_capsules").output)
    # One bright pixel in each row of the picture: who notices?
    images = np.zeros((SIZE + 1, SIZE, SIZE, 1))
    images[range(SIZE), range(SIZE), SIZE // 2] = 255
    poses = children.predict(images, verbose=0)
    changed = np.abs(poses[:-1] - poses[-1]).max(axis=(2, 3, 4)) > 0
    middle = found.rows.count // 2
    (seen,) = np.nonzero(changed[:, middle])
    assert len(seen) == found.rows.seen
    assert seen.mean() + 0.5 == pytest.approx(found.rows.first + middle * found.rows.step)


@ONCE
def test_several_maps():
    model = capszoo.load("deepcaps_digits")
    maps = capszoo.visualization.vote_maps(model, np.zeros((1, 8, 8, 1), "uint8"))
    children = sum(
        one.places.rows.count * one.places.columns.count * one.places.types for one in maps
    )
    assert len(maps) == 2
    assert children == model.output["coupling"].shape[-1]


@ONCE
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("efficient_capsnet_digits", "sees the whole picture"),
        ("cluster_capsnet_digits", "on a map themselves"),
        ("signal_capsnet_generated_ecg", "does not classify pictures"),
        ("segcaps_digit_scenes", "does not classify pictures"),
    ],
)
def test_what_has_no_map_says_why(name, reason):
    model = capszoo.load(name)
    assert reason in capszoo.visualization.why_no_vote_maps(model)
    with pytest.raises(ValueError, match=reason):
        capszoo.visualization.vote_maps(model, np.zeros((1, 8, 8, 1)))
