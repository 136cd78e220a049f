"""The kinds of arguments, one by one, and how they are put together."""

from collections.abc import Sequence
from typing import Any
from typing import Literal

import numpy as np
import pytest

from capszoo import kinds

# Each with values that it takes, values that it refuses and what is then said to be allowed.
KINDS = [
    (
        kinds.Count,
        [1, 7, np.int64(3)],
        [0, -1, 1.5, True, "3", None, {}, 2**40],
        "positive integer",
    ),
    (kinds.Depth, [1, 1000], [0, 1001, 10**9], "positive integer"),
    (kinds.DepthOrNone, [0, 3], [-1, False, 0.5, [], 1001], "positive integer"),
    (kinds.Iterations, [1, 3], [0, 10**9, 10**5000, "3"], "positive integer"),
    (kinds.Number, [-1.5, 0, 3], [float("nan"), float("inf"), "1", True, {}, [1]], "number"),
    (kinds.NonNegative, [0, 1e-3], [-1e-9, float("nan"), None], "number of at least 0"),
    (kinds.Positive, [1e-9, 3], [0, -1, "x"], "number"),
    (kinds.Share, [0, 0.5], [1, -0.1, 1.5, "half"], "number of at least 0"),
    (kinds.Text, ["x"], ["", 3, None, ["x"]], "text"),
    (kinds.Size1D, [3, [3]], [0, [3, 3], [], "3"], "positive integer"),
    (kinds.Size2D, [3, [3, 5], (1, 1)], [0, [3, 0], [3], {}, 1.5, None], "positive integer"),
    (kinds.Size3D, [3, [3, 5, 7]], [[3, 3], [1, 2, 3, 4]], "positive integer"),
    (kinds.SignalShape, [[500, 2]], [500, [500], [500, 0], "ab"], "expected"),
    (kinds.ImageShape, [[8, 8, 1]], [[8, 8], 8, [8, 8, None], {}], "expected"),
    (kinds.VolumeShape, [[8, 8, 8, 1]], [[8, 8, 8], "8881"], "expected"),
    (bool, [True, False], [0, 1, "yes", None, []], "True or False"),
    (Literal["valid", "same"], ["same"], ["sam", 3, None, ["same"], {}], "one of: same, valid"),
    (kinds.Count | None, [None, 3], [0, "x"], "positive integer"),
    (Sequence[kinds.Count], [[], [3, 4], (1,)], [3, "34", [3, 0], {1: 2}, [1] * 1001], "expected"),
    (kinds.Count | Sequence[kinds.Count], [3, [3, 4]], [0, [0], [[3]], {}], "expected"),
]


@pytest.mark.parametrize(("kind", "taken", "refused", "allowed"), KINDS, ids=range(len(KINDS)))
def test_kind(kind, taken, refused, allowed):
    check = kinds.check_of(kind)
    for value in taken:
        check("size", value)
    for value in refused:
        with pytest.raises(ValueError, match=r"argument `size`.*(Received|Expected)") as caught:
            check("size", value)
        assert allowed in str(caught.value)
        assert len(str(caught.value)) < 400


def test_a_part_that_is_wrong_is_named():
    for kind in (Sequence[kinds.Size2D], kinds.Size2D | Sequence[kinds.Size2D]):
        with pytest.raises(ValueError, match=r"`strides`, .* Received: strides\[1\]=0"):
            kinds.check_of(kind)("strides", [2, 0])


def test_what_declares_no_kind():
    for annotation in (int, str, Any, dict, "Count", list[int], int | None, Literal["a"] | dict):
        assert kinds.check_of(annotation) is None

    def unknown(a: "NoSuchName", b: kinds.Count):  # noqa: F821
        """A plug-in's, which imports for its annotations only while types are checked."""

    assert kinds.of_function(unknown) == {}


def test_a_checked_function():
    @kinds.checked
    def stack(filters: kinds.Count, *names, padding: Literal["same"] = "same", **others):
        return filters, names, padding, others

    assert stack(np.int64(3), "a", other=5) == (3, ("a",), "same", {"other": 5})
    with pytest.raises(ValueError, match="`padding`: 'sam'"):
        stack(3, padding="sam")
    with pytest.raises(TypeError, match="missing"):
        stack()
