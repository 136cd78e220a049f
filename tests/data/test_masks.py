"""Sets with masks: cases, their arrays, their division; those that a formula makes."""

import hashlib

import numpy as np
import pytest

import capszoo
from capszoo.data.cases import hold_out_cases
from capszoo.data.cases import pad_evenly
from capszoo.data.cases import stack_cases
from tests.once import ONCE

pytestmark = ONCE
GENERATED = {"digit_scenes": (32, 32, 1), "generated_volumes": (16, 16, 16, 1)}
COUNTS = {"digit_scenes": (800, 100, 200), "generated_volumes": (160, 40, 80)}
# Sums over the first test case, so that another version or machine that makes others is seen.
SUMS = {"digit_scenes": (110164.0, 217), "generated_volumes": (75649.5, 525)}


@pytest.fixture(params=GENERATED)
def name(request):
    return request.param


def test_generated_sets_are_as_they_say(name):
    for split, count in zip(("train", "validation", "test"), COUNTS[name], strict=True):
        images, masks = capszoo.data.load(name, split, kind="masks")
        assert images.shape == (count, *GENERATED[name])
        assert masks.shape == images.shape[:-1]
        assert (images.dtype, masks.dtype) == (
            np.uint8 if name == "digit_scenes" else np.float32,
            np.uint8,
        )
        assert np.unique(masks).tolist() == [0, 1, 2]
        assert masks.any(axis=tuple(range(1, masks.ndim))).all()
    assert capszoo.data.example_shape(name) == GENERATED[name]
    assert len(capszoo.data.class_names(name)) == 3


def test_generated_sets_are_the_same_each_time(name):
    image, mask = (part[0] for part in capszoo.data.load(name, "test", kind="masks"))
    assert (float(image.sum()), int(mask.sum())) == pytest.approx(SUMS[name], abs=0.1)
    case = capszoo.data.load_cases(name, "test")[0]
    np.testing.assert_array_equal(case.image, image)
    np.testing.assert_array_equal(case.mask, mask)
    case.image[...] = case.mask[...] = 7
    assert capszoo.data.load_cases(name, "test")[0].mask.max() < 7
    assert not np.array_equal(capszoo.data.load_cases(name, "validation")[0].image, image)


def test_the_mask_lies_on_the_image(name):
    # What is of a class is brighter than what is not, by what the formula says.
    for case in capszoo.data.load_cases(name, "validation"):
        image = case.image[..., 0].astype("float64")
        assert image[case.mask > 0].mean() > image[case.mask == 0].mean()
        if name == "generated_volumes":
            means = [image[case.mask == label].mean() for label in range(3)]
            assert (means[2] - means[0]) / (means[1] - means[0]) == pytest.approx(2, rel=0.35)


def test_padding_is_even_and_the_one_more_comes_after():
    padded = pad_evenly(np.ones((1, 2, 3)), (4, 2), value=5)
    assert padded.shape == (4, 2, 3)
    assert padded[:, 0, 0].tolist() == [5, 1, 5, 5]


def test_cases_of_many_sizes_become_one_array():
    random = np.random.default_rng(0)
    sizes = [(3, 5), (4, 2), (4, 5)]
    cases = [
        capszoo.data.Case(
            str(number),
            random.integers(50, 200, (*size, 2), dtype="uint8"),
            random.integers(0, 3, size, dtype="uint8"),
            (1.0, 1.0),
        )
        for number, size in enumerate(sizes)
    ]
    images, masks = stack_cases(cases)
    assert (images.shape, masks.shape) == ((3, 4, 5, 2), (3, 4, 5))
    # In a place that a loop finds, with the darkest value around.
    for case, image, mask in zip(cases, images, masks, strict=True):
        height, width = case.mask.shape
        top, left = (4 - height) // 2, (5 - width) // 2
        expected = np.full((4, 5, 2), case.image.min())
        expected[top : top + height, left : left + width] = case.image
        np.testing.assert_array_equal(image, expected)
        np.testing.assert_array_equal(mask[top : top + height, left : left + width], case.mask)
        assert mask.sum() == case.mask.sum()
    with pytest.raises(ValueError, match=r"fit in \(4, 4\).*Received: 0 of \(3, 5\).*data\.crop"):
        stack_cases(cases, (4, 4))


def test_cases_are_held_out_by_the_digest_of_their_names():
    names = [f"patient_{number}" for number in range(40)]
    kept, held = hold_out_cases(names[::-1], "here")
    by_digest = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    assert held == sorted(by_digest[:4])
    assert sorted([*kept, *held]) == sorted(names)
    with pytest.raises(ValueError, match="Too few cases in here"):
        hold_out_cases(["one"], "here")


def test_images_are_padded_to_a_shape():
    images, masks = capszoo.data.load("digit_scenes", "test", kind="masks", image_shape=(40, 33, 1))
    assert (images.shape, masks.shape) == ((200, 40, 33, 1), (200, 40, 33))
    with pytest.raises(ValueError, match="never resized"):
        capszoo.data.load("digit_scenes", "test", image_shape=(16, 32, 1))
    with pytest.raises(ValueError, match="have 1 channels"):
        capszoo.data.load("digit_scenes", "test", image_shape=(32, 32, 3))
    with pytest.raises(ValueError, match="image_shape"):
        capszoo.data.load("digit_scenes", "test", image_shape=(32, 32, 32, 1))


def test_a_set_without_masks_is_named():
    for function in (capszoo.data.load_cases, lambda name: capszoo.data.load(name, kind="masks")):
        with pytest.raises(ValueError, match=r"masks, one of digit_scenes.*Received: 'digits'"):
            function("digits")
    with pytest.raises(ValueError, match="split"):
        capszoo.data.load_cases("digit_scenes", "tests")


@pytest.mark.parametrize("name", ["hippocampus", "nuclei"])
def test_a_set_that_is_not_there_says_where_it_comes_from(name, tmp_path, monkeypatch):
    monkeypatch.delenv("CAPSZOO_DATA_DIR", raising=False)
    origin = {"hippocampus": "medicaldecathlon", "nuclei": "BBBC038"}[name]
    with pytest.raises(FileNotFoundError, match=rf"(?s)no folder is given.*{origin}.*data_dir"):
        capszoo.data.load(name, kind="masks")
    with pytest.raises(FileNotFoundError, match=rf"there is no {tmp_path / name}"):
        capszoo.data.load_cases(name, data_dir=tmp_path)
