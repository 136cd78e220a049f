"""The rules by which pictures are held out."""

import numpy as np
import pytest

from capszoo.data.splits import digest
from capszoo.data.splits import hold_out_instance
from capszoo.data.splits import hold_out_tenth


def keys_of(count, seed=0):
    contents = np.random.default_rng(seed).permutation(count)
    return [digest(int(content).to_bytes(4, "big")) for content in contents]


def test_a_tenth_of_all_and_of_each_class():
    labels = np.repeat([0, 1, 2, 7], [5923, 6742, 335, 12])
    held_out = hold_out_tenth(labels, keys_of(len(labels)), "here")
    assert held_out.sum() == round(len(labels) / 10)
    for label in np.unique(labels):
        of_class = labels == label
        assert abs(held_out[of_class].sum() - of_class.sum() / 10) <= 1


def test_small_classes_give_and_keep_at_least_one():
    labels = np.repeat(np.arange(5), [2, 2, 3, 4, 9])
    held_out = hold_out_tenth(labels, keys_of(len(labels)), "here")
    assert np.bincount(labels[held_out], minlength=5).min() >= 1
    assert np.bincount(labels[~held_out], minlength=5).min() >= 1


def test_choice_does_not_depend_on_the_order():
    labels = np.arange(200) % 4
    keys = keys_of(200)
    order = np.random.default_rng(1).permutation(200)
    held_out = hold_out_tenth(labels, keys, "here")
    reordered = hold_out_tenth(labels[order], [keys[row] for row in order], "here")
    np.testing.assert_array_equal(held_out[order], reordered)


def test_the_smallest_keys_of_the_class_are_held_out():
    keys = keys_of(40)
    held_out = hold_out_tenth(np.arange(40) % 2, keys, "here")
    for label in (0, 1):
        of_class = [row for row in range(40) if row % 2 == label]
        smallest = sorted(of_class, key=keys.__getitem__)[:2]
        assert sorted(smallest) == [row for row in of_class if held_out[row]]


def test_a_class_of_one_is_refused_with_its_name():
    with pytest.raises(ValueError, match=r"photos to make a test split.*class cat with 1 left"):
        hold_out_tenth(np.array(["ape", "ape", "cat"]), keys_of(3), "photos to make a test split")


def test_the_highest_instance_of_each_class_is_held_out():
    labels = np.array([0, 0, 0, 1, 1, 1])
    instances = np.array([4, 9, 9, 7, 6, 4])
    held_out = hold_out_instance(labels, instances)
    np.testing.assert_array_equal(held_out, [False, True, True, True, False, False])
