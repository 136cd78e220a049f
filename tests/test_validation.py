"""Checks of arguments, and the words of their errors."""

import numpy as np
import pytest

from capszoo import validation


def test_unknown_name():
    error = validation.unknown_name_error("routing", "dynamc", ["em", "dynamic"])
    assert isinstance(error, ValueError)
    expected = "Unknown routing 'dynamc'. Did you mean 'dynamic'? Expected one of: dynamic, em."
    assert str(error) == expected
    assert "Did you mean" not in str(validation.unknown_name_error("routing", "xyz", ["em"]))
    assert "(there are none)" in str(validation.unknown_name_error("routing", 3, []))


def test_choice():
    assert validation.check_choice("split", "test", ("train", "test")) == "test"
    with pytest.raises(ValueError, match=r"argument `split`: 'tets'\. Did you mean 'test'"):
        validation.check_choice("split", "tets", ("train", "test"))


@pytest.mark.parametrize("value", [1, 7, np.int64(3)])
def test_positive_int(value):
    checked = validation.check_positive_int("size", value)
    assert type(checked) is int
    assert checked == value


@pytest.mark.parametrize("value", [0, -1, 1.5, 2.0, True, "3", None, [1]])
def test_no_positive_int(value):
    with pytest.raises(ValueError, match=r"`size`, expected a positive integer\. Received: size="):
        validation.check_positive_int("size", value)


@pytest.mark.parametrize("value", [0, 0.5, 1, np.float32(0.25)])
def test_number(value):
    assert validation.check_number("rate", value, 0, 1) == value


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), True, "0.5", None])
def test_no_number_within(value):
    with pytest.raises(
        ValueError, match=r"`rate`, expected a number from 0 to 1\. Received: rate="
    ):
        validation.check_number("rate", value, 0, 1)


def test_number_with_one_bound_or_none():
    assert validation.check_number("rate", 1e9, 0) == 1e9
    assert validation.check_number("rate", -1e9) == -1e9
    with pytest.raises(ValueError, match="expected a number of at least 0"):
        validation.check_number("rate", -1, 0)
    with pytest.raises(ValueError, match=r"expected a number\. Received"):
        validation.check_number("rate", "1e-3")


def test_size():
    assert validation.check_size("size", 3, rank=2) == (3, 3)
    assert validation.check_size("size", [3, 5], rank=2) == (3, 5)
    for rank, allowed in ((1, ""), (2, " or two"), (3, " or three")):
        assert validation.check_size("size", 3, rank) == (3,) * rank
        for value in ((1,) * (rank + 1), ()):
            with pytest.raises(
                ValueError, match=rf"expected one positive integer{allowed}\. Received"
            ):
                validation.check_size("size", value, rank)
        for value in ((0,) * rank, 1.5, "33"):
            with pytest.raises(ValueError, match="expected a positive integer"):
                validation.check_size("size", value, rank)


def test_image_shape():
    assert validation.check_image_shape([28, 28, 1]) == (28, 28, 1)
    for value in ((28, 28), 28, "abc", None, (1, 2, 3, 4)):
        with pytest.raises(
            ValueError, match=r"`image_shape`, expected \(height, width, channels\)"
        ):
            validation.check_image_shape(value)
    with pytest.raises(ValueError, match="expected a positive integer"):
        validation.check_image_shape((28, 0, 1))
