"""Generated signals: alike everywhere, and as their description says."""

import numpy as np
import pytest

import capszoo
from capszoo.data.generated_ecg import RATE
from capszoo.data.generated_ecg import RHYTHMS
from tests.once import ONCE

pytestmark = ONCE
FIRST = [[0.446, 0.306], [-0.109, -0.001], [-0.057, -0.031]]  # samples 0, 100 and 499


@pytest.fixture(scope="module")
def made():
    return capszoo.data.load("generated_ecg", "validation")


def test_shapes_and_classes(made):
    signals, labels = made
    assert (signals.shape, signals.dtype, labels.dtype) == ((600, 500, 2), np.float32, np.int64)
    assert np.bincount(labels).tolist() == [200, 200, 200]
    assert capszoo.data.class_names("generated_ecg") == list(RHYTHMS)
    assert capszoo.data.example_shape("generated_ecg") == (500, 2)
    test, _ = capszoo.data.load("generated_ecg", "test")
    assert len(test) == 1200
    assert not (test[:600] == signals).all(axis=(1, 2)).any()


def test_the_same_each_time(made):
    first = made[0][0]
    first_again = capszoo.data.load("generated_ecg", "validation")[0][0]
    np.testing.assert_array_equal(first, first_again)
    # By the numbers, so that another version or machine that makes others is seen.
    np.testing.assert_allclose(first[[0, 100, 499]], FIRST, atol=1e-6)


def test_what_is_given_away_is_a_copy():
    signals, _ = capszoo.data.load("generated_ecg", "validation")
    signals[:] = 7
    assert capszoo.data.load("generated_ecg", "validation")[0].max() < 7


def test_rhythms_differ_in_their_pauses(made):
    signals, labels = made
    spread = {rhythm: [] for rhythm in RHYTHMS}
    for signal, label in zip(signals, labels, strict=True):
        pauses = _pauses(signal[:, 0])
        if len(pauses) > 1:
            spread[RHYTHMS[label]].append(pauses.std() / pauses.mean())
    assert min(map(len, spread.values())) > 150
    assert np.median(spread["regular"]) < 0.05 < 0.2 < np.median(spread["irregular"])


def test_ectopic_beats_are_wide(made):
    signals, labels = made
    # Of a wide beat the second lead stays far below its mean for a tenth of a second.
    centered = signals[..., 1] - np.median(signals[..., 1], axis=1, keepdims=True)
    low = np.lib.stride_tricks.sliding_window_view(centered, 7, axis=1).max(axis=-1).min(axis=-1)
    ectopic = labels == RHYTHMS.index("ectopic")
    assert np.mean(low[ectopic] < -0.3) > 0.95
    assert np.mean(low[~ectopic] < -0.3) < 0.1


def _pauses(lead):
    """Seconds between the high points of a lead that are higher than what is about them."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(lead, 20, mode="edge"), 41)
    peaks = np.flatnonzero((lead == around.max(axis=-1)) & (lead > 0.6 * lead.max()))
    return np.diff(peaks) / RATE
