"""Cases of any size: windows by a loop over positions, and models that see one position alone."""

import keras
import numpy as np
import pytest

from capszoo.models import sliding_windows
from capszoo.models.sliding_windows import answers_by_windows
from capszoo.models.sliding_windows import window_starts
from tests.models import tiny_segmenter


@pytest.mark.parametrize(
    ("size", "window", "overlap"),
    [(10, 4, 0.5), (11, 4, 0.5), (9, 4, 0), (7, 7, 0.5), (30, 7, 0.9)],
)
def test_windows_cover_an_axis(size, window, overlap):
    starts = window_starts(size, window, overlap)
    assert (starts[0], starts[-1]) == (0, size - window)
    steps = np.diff(starts)
    assert (steps <= max(1, int(window * (1 - overlap)))).all()
    # One window less would leave a gap, or overlap less.
    assert len(steps) == 0 or (size - window) / max(len(steps) - 1, 0.5) > window * (1 - overlap)


def by_hand(predict, case, window, starts):
    """The weighted mean, window by window and position by position."""
    classes = predict(np.zeros((1, *window, case.shape[-1]))).shape[-1]
    total = np.zeros((*case.shape[:-1], classes))
    mass = np.zeros(case.shape[:-1])
    for start in starts:
        part = case[tuple(slice(a, a + n) for a, n in zip(start, window, strict=True))]
        answer = predict(part[None])[0]
        for place in np.ndindex(*window):
            weight = 1.0
            for at, length in zip(place, window, strict=True):
                weight *= np.exp(-0.5 * ((at - (length - 1) / 2) / (length / 8)) ** 2)
            there = tuple(a + b for a, b in zip(start, place, strict=True))
            total[there] += weight * answer[place]
            mass[there] += weight
    return total / mass[..., None]


def of_its_window(windows):
    """Answers that depend on the whole window, and on the place in it."""
    axes = tuple(range(1, windows.ndim))
    mean = windows.mean(axes, keepdims=True)
    ramp = np.linspace(0, 1, windows.shape[1]).reshape(-1, *[1] * (windows.ndim - 2))
    return np.concatenate([windows * mean, windows[..., :1] + ramp], axis=-1).astype("float32")


@pytest.mark.parametrize(
    ("shape", "window", "starts"),
    [
        ((7, 6, 1), (4, 6), [(0, 0), (2, 0), (3, 0)]),
        (
            (5, 4, 6, 2),
            (4, 4, 4),
            [(0, 0, 0), (0, 0, 2), (1, 0, 0), (1, 0, 2)],
        ),
    ],
    ids=["2-D", "3-D"],
)
def test_against_a_loop(shape, window, starts, rng, monkeypatch):
    case = rng.normal(size=shape).astype("float32")
    expected = by_hand(of_its_window, case, window, starts)
    smaller = case[:-1]
    for most_batches in (1, 8):  # of windows of one case, and of two
        monkeypatch.setattr(sliding_windows, "MOST_BATCHES", most_batches)
        cases = [case, case[:, ::-1], smaller]
        found, other, _ = answers_by_windows(of_its_window, cases, window, batch_size=2)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        expected_of_other = by_hand(of_its_window, case[:, ::-1], window, starts)
        np.testing.assert_allclose(other, expected_of_other, rtol=1e-4, atol=1e-5)


def test_what_is_smaller_is_padded(rng):
    case = rng.normal(size=(3, 9, 1)).astype("float32")
    padded = np.full((6, 9, 1), case.min())
    padded[1:4] = case
    seen = []

    def predict(windows):
        seen.append(windows)
        return of_its_window(windows)

    (found,) = answers_by_windows(predict, [case], (6, 9))
    assert len(seen) == 1
    np.testing.assert_array_equal(seen[0], padded[None])
    np.testing.assert_allclose(found, of_its_window(padded[None])[0][1:4], rtol=1e-6)


def position_by_position(rank):
    """A model whose answer at a position is a function of that position alone."""

    class Here(tiny_segmenter.SEGMENTERS[rank]):
        def body(self, features, dtype):
            layer = keras.layers.Dense(self.num_classes, activation="softmax", dtype="float32")
            return {"probabilities": layer(features)}

    return Here(normalization=None, **({"rescaling": 1.0} if rank == 2 else {}))


@pytest.mark.parametrize("rank", [2, 3])
def test_any_size_in_the_same_size_out(rank, rng):
    model = position_by_position(rank)
    kernel, bias = model.get_weights()
    window, channels = model.example_shape[:-1], model.example_shape[-1]

    def expected(case):
        scores = np.exp(case @ kernel + bias)
        return scores / scores.sum(-1, keepdims=True)

    sizes = [window, [n + 3 for n in window], [n - 1 for n in window], [2 * window[0], *window[1:]]]
    cases = [rng.uniform(-1, 1, size=(*size, channels)).astype("float32") for size in sizes]
    for case, found in zip(cases, model.probabilities(cases), strict=True):
        np.testing.assert_allclose(found, expected(case), atol=1e-5)
    for case, labels in zip(cases, model.segment(cases, overlap=0.25), strict=True):
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(labels, expected(case).argmax(-1))
    for case in cases[:2]:
        found = model.segment(np.stack([case, case]), batch_size=2)
        np.testing.assert_array_equal(found, [expected(case).argmax(-1)] * 2)


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda x: x[0], r"Add the axis of (images|volumes): x\[None\]"),
        (lambda x: [x], r"of any size .* Received: number 0 of shape"),
        (lambda x: [x[0], x[1][..., :0]], "number 1 of shape"),
        (lambda x: [x[0], np.where(x[1] == x[1].max(), np.nan, x[1])], "NaN or infinite"),
        (lambda x: [], "Expected at least one"),
        (lambda x: x[:0], "Expected at least one"),
        (lambda x: "x.npy", "Received: str"),
    ],
)
def test_cases_that_do_not_fit_are_refused(rank, change, match):
    examples, _ = tiny_segmenter.data(rank, 2)
    with pytest.raises(ValueError, match=match):
        tiny_segmenter.SEGMENTERS[rank]().segment(change(examples))


def test_bad_overlap_and_a_missing_channel_axis():
    model, (images, _) = tiny_segmenter.SEGMENTERS[2](), tiny_segmenter.data(2, 1)
    for overlap in (1, -0.1, "half"):
        with pytest.raises(ValueError, match="overlap"):
            model.segment(images, overlap=overlap)
    with pytest.raises(ValueError, match=r"Add the channel axis: x\[\.\.\., None\]"):
        model.segment([np.zeros((20, 20))])
