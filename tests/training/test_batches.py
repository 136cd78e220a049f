"""Training batches: every image once an epoch, reproducible order and augmentation."""

import keras
import numpy as np
import pytest

from capszoo.training import TrainingBatches


@pytest.fixture
def data():
    """25 images, each of which holds its label in all its pixels."""
    labels = np.arange(25)
    return np.broadcast_to(labels[:, None, None, None], (25, 4, 4, 1)).astype("uint8"), labels


@pytest.fixture
def shifts():
    return [keras.layers.RandomTranslation(0.4, 0.4, fill_mode="constant")]


def epoch_of(batches):
    images, labels = zip(*[batches[index] for index in range(len(batches))], strict=True)
    return np.concatenate(images), np.concatenate(labels)


def test_every_image_once_with_its_label(data):
    batches = TrainingBatches(*data, batch_size=8)
    assert len(batches) == 4
    assert [len(batches[index][1]) for index in range(4)] == [8, 8, 8, 1]
    for _ in range(2):
        images, labels = epoch_of(batches)
        assert images.dtype == np.uint8
        assert sorted(labels) == list(range(25))
        np.testing.assert_array_equal(images[:, 0, 0, 0], labels)
        batches.on_epoch_end()


def test_order_depends_on_seed_and_epoch_only(data):
    def order(seed, epoch, batch_size=8):
        return list(epoch_of(TrainingBatches(*data, batch_size, seed=seed, epoch=epoch))[1])

    first = order(0, 0)
    assert first != list(range(25))
    keras.utils.set_random_seed(7)
    assert order(0, 0) == first
    assert order(0, 0, batch_size=5) == first
    assert order(0, 1) != first
    assert order(1, 0) != first
    assert order(1, 0) != order(0, 1)
    batches = TrainingBatches(*data, 8)
    batches.on_epoch_end()
    assert list(epoch_of(batches)[1]) == order(0, 1)


def test_multi_hot_labels(data):
    images, labels = data
    _, hot = epoch_of(TrainingBatches(images, np.eye(25)[labels], 8))
    assert hot.shape == (25, 25)


def test_augmentation_depends_on_seed_and_epoch_only(data, shifts):
    images, labels = data

    def augmented(epoch, seed=0):
        return epoch_of(TrainingBatches(images + 1, labels, 8, shifts, seed=seed, epoch=epoch))

    first, first_labels = augmented(0)
    assert first.shape == (25, 4, 4, 1)
    np.testing.assert_allclose(first.max((1, 2, 3)), first_labels + 1, rtol=1e-6)
    assert len({tuple(row) for row in (first > 0).reshape(25, 16)}) > 5
    keras.utils.set_random_seed(99)
    np.testing.assert_array_equal(augmented(0)[0], first)
    assert np.abs(augmented(1)[0] - first).max() > 0
    assert np.abs(augmented(0, seed=1)[0] - first).max() > 0


def test_a_batch_is_the_same_when_asked_for_again(data, shifts):
    images, labels = data
    batches = TrainingBatches(images + 1, labels, 8, shifts)
    third = batches[2][0]
    batches[0]
    np.testing.assert_array_equal(batches[2][0], third)
    # Each batch is moved by draws of its own.
    moves = [(batches[index][0] > 0).reshape(8, 16) for index in range(3)]
    assert (moves[0] != moves[1]).any()
    assert (moves[1] != moves[2]).any()


def test_each_epoch_draws_apart(shifts):
    """One image, whose order cannot differ."""
    image = np.arange(1, 17, dtype="uint8").reshape(1, 4, 4, 1)
    seen = [
        TrainingBatches(image, np.zeros(1), 1, shifts, epoch=epoch)[0][0].tobytes()
        for epoch in range(4)
    ]
    assert len(set(seen)) == 4


def test_two_layers_draw_apart(data):
    twice = [keras.layers.RandomTranslation(0.4, 0.0), keras.layers.RandomTranslation(0.4, 0.0)]
    batches = TrainingBatches(*data, 8, twice)
    first, second = batches._augmentation(np.random.default_rng(0))
    assert first.seed != second.seed
    again = batches._augmentation(np.random.default_rng(0))
    assert [layer.seed for layer in again] == [first.seed, second.seed]


def test_layers_without_a_seed(data):
    images, labels = data
    batches = TrainingBatches(images, labels, 8, [keras.layers.Rescaling(2.0)])
    augmented, own = batches[0]
    np.testing.assert_array_equal(augmented[:, 0, 0, 0], 2.0 * own)


def test_fit_sees_an_epoch_in_its_order(data):
    """What Keras asks for in `fit`: whole epochs, in order, and another one each time."""
    images, labels = data
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.compile(loss="mse")
    seen = []

    class Recorded(TrainingBatches):
        def __getitem__(self, index):
            seen.append((self.epoch, index))
            return super().__getitem__(index)

    model.fit(Recorded(images, labels, 8), epochs=2, shuffle=False, verbose=0)
    assert [index for _, index in seen[-8:]] == [0, 1, 2, 3] * 2
    first, second = {epoch for epoch, _ in seen[-8:-4]}, {epoch for epoch, _ in seen[-4:]}
    assert len(first) == len(second) == 1
    assert first != second


def test_each_image_is_cropped_at_a_place_of_its_own():
    rows, columns = np.indices((6, 5))
    image = np.stack([rows, columns], axis=-1).astype("uint8")
    images = np.broadcast_to(image, (200, 6, 5, 2))
    cropped, _ = TrainingBatches(images, np.zeros(200), 200, crop=(3, 4))[0]
    assert cropped.shape == (200, 3, 4, 2)
    assert cropped.dtype == np.uint8
    # From its first pixel on, each is the picture as it was.
    corners = cropped[:, :1, :1].astype(int)
    np.testing.assert_array_equal(cropped - corners, np.broadcast_to(image[:3, :4], cropped.shape))
    assert {tuple(one) for one in corners[:, 0, 0]} == set(np.ndindex(4, 2))
    again, _ = TrainingBatches(images, np.zeros(200), 200, crop=(3, 4))[0]
    np.testing.assert_array_equal(again, cropped)
    other, _ = TrainingBatches(images, np.zeros(200), 200, crop=(3, 4), epoch=1)[0]
    assert (other != cropped).any()


def test_the_crop_comes_after_what_moves_the_picture():
    """What a shift brings in is picture, where there is some, and not filling."""
    images = np.ones((64, 4, 4, 1), "uint8")
    down = keras.layers.RandomTranslation((0.25, 0.25), 0.0, fill_mode="constant")
    cropped, _ = TrainingBatches(images, np.zeros(64), 64, [down], crop=(3, 4))[0]
    filled = (cropped[:, :, 0, 0] == 0).tolist()
    # The first row is filling, and half of the crops begin below it.
    assert [True, False, False] in filled
    assert [False, False, False] in filled
