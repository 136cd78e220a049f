"""Training batches of images with masks: cropped and moved together, the same each time."""

import keras
import numpy as np
import pytest

import capszoo
from capszoo.data.augmentation import RandomAffine
from capszoo.data.augmentation import RandomIntensity
from capszoo.training import TrainingBatches
from capszoo.zoo import named_classes
from capszoo.zoo.objects import make_object


@pytest.fixture
def pictures():
    """Pictures that show their masks, ten times as bright."""
    masks = np.random.default_rng(0).integers(0, 5, (12, 10, 14), dtype="uint8")
    return masks[..., None] * 10, masks


@pytest.fixture
def volumes():
    masks = np.random.default_rng(0).integers(0, 5, (6, 8, 9, 7), dtype="uint8")
    return masks[..., None] * np.float32(10), masks


def test_pictures_and_masks_are_cut_at_one_place(pictures):
    batches = TrainingBatches(*pictures, 5, crop=(4, 6))
    places = set()
    for index in range(len(batches)):
        images, masks = batches[index]
        assert (images.shape[1:], masks.shape[1:]) == ((4, 6, 1), (4, 6))
        np.testing.assert_array_equal(images[..., 0], masks * 10)
        places |= {mask.tobytes() for mask in masks}
    assert len(places) == 12


def test_volumes_and_masks_are_cut_and_flipped_together(volumes):
    batches = TrainingBatches(*volumes, 6, [RandomAffine([0, 1, 2])], crop=(4, 5, 6))
    images, masks = batches[0]
    assert (images.shape, masks.shape) == ((6, 4, 5, 6, 1), (6, 4, 5, 6))
    np.testing.assert_array_equal(images[..., 0], masks * 10)


def test_batches_are_the_same_again_and_others_in_other_epochs(volumes):
    recipe = [RandomAffine([0], rotation=20, scale=0.1), RandomIntensity(noise=0.1)]

    def batch(**kwargs):
        return TrainingBatches(*volumes, 6, recipe, crop=(4, 5, 6), **kwargs)[0]

    for first, again in zip(batch(seed=1), batch(seed=1), strict=True):
        np.testing.assert_array_equal(first, again)
    assert np.abs(batch(seed=1)[0] - batch(seed=1, epoch=1)[0]).max() > 0
    assert np.unique(batch()[1]).tolist() == [0, 1, 2, 3, 4]


def test_images_smaller_than_the_cut_are_padded(pictures):
    images, masks = TrainingBatches(pictures[0] + 1, pictures[1], 12, crop=(12, 8))[0]
    assert (images.shape, masks.shape) == ((12, 12, 8, 1), (12, 12, 8))
    np.testing.assert_array_equal(images[..., 0], masks * 10 + 1)
    assert not masks[:, [0, -1]].any()


def test_layers_of_keras_that_move_nothing_change_pictures_alone(pictures):
    layer = keras.layers.RandomBrightness(0.2, value_range=(0, 255), seed=1)
    pale, masks = pictures[0] + 100, pictures[1]
    images, masks = TrainingBatches(pale, masks, 12, [RandomAffine([1]), layer])[0]
    # Brighter or darker as a whole, still under its mask.
    shifts = images[..., 0] - (masks * 10.0 + 100)
    np.testing.assert_allclose(np.ptp(shifts, axis=(1, 2)), 0, atol=1e-3)
    assert np.ptp(shifts) > 10


def test_layers_that_would_move_images_alone_are_refused(pictures, volumes):
    with pytest.raises(ValueError, match=r"RandomFlip would move what is in images.*RandomAffine"):
        TrainingBatches(*pictures, 4, [keras.layers.RandomFlip()])
    with pytest.raises(ValueError, match="RandomBrightness is for pictures"):
        TrainingBatches(*volumes, 4, [keras.layers.RandomBrightness(0.1)])
    with pytest.raises(ValueError, match="one RandomAffine"):
        TrainingBatches(*volumes, 4, [RandomAffine(), RandomAffine()])
    with pytest.raises(ValueError, match="axes of the images, of 0, 1"):
        TrainingBatches(*pictures, 4, [RandomAffine([2])])


def test_without_masks_ours_are_refused(pictures):
    with pytest.raises(ValueError, match=r"RandomAffine is for images with masks.*\(12,\)"):
        TrainingBatches(pictures[0], np.arange(12), 4, [RandomAffine([0])])


def test_a_case_without_foreground_is_taken_as_it_is(volumes):
    images, _ = volumes
    batches = TrainingBatches(images, np.zeros((6, 8, 9, 7), "uint8"), 6, [RandomAffine([0], 9)])
    assert not batches[0][1].any()


def test_presets_name_ours():
    classes = named_classes.augmentations()
    spec = {"RandomAffine": {"flip_axes": [0, 1], "rotation": 10, "scale": 0.1}}
    affine = make_object("augmentation layer", spec, classes)
    assert (affine.flip_axes, affine.rotation, affine.scale) == ((0, 1), 10, 0.1)
    with pytest.raises(ValueError, match=r"augmentation layer RandomIntensity: .*`gamma`"):
        make_object("augmentation layer", {"RandomIntensity": {"gamma": -1}}, classes)
    capszoo.zoo.sections.Data(name="generated_volumes", crop=[8, 8, 8], augmentation=[spec])
