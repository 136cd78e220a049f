"""Novel viewpoints: errors epoch by epoch, compared where familiar ones are equal."""

import numpy as np
import pytest

import capszoo
from capszoo import robustness
from tests.once import ONCE

pytestmark = ONCE


def test_equal_familiar_error_by_hand():
    better = [0.5, 0.2, 0.1, 0.05], [0.6, 0.4, 0.3, 0.28]
    worse = [0.4, 0.3, 0.15], [0.7, 0.6, 0.5]
    error, novel = robustness.novel_at_equal_familiar([better, worse])
    assert error == 0.15
    # Half way between the second and the third epoch of the better one.
    assert novel == pytest.approx([0.35, 0.5])
    error, novel = robustness.novel_at_equal_familiar([([0.1], [0.3]), ([0.2], [0.5])])
    assert (error, novel) == (0.2, [0.3, 0.5])
    with pytest.raises(ValueError, match="Received: 2 and 1"):
        robustness.novel_at_equal_familiar([([0.1, 0.2], [0.3])])


def test_errors_of_each_epoch():
    images, labels = (part[:60] for part in capszoo.data.load("digits"))
    model = capszoo.models.ConvNet((8, 8, 1), 10, (8,), (3,), (1,))
    model.compile()
    kept = robustness.ErrorsOfViews((images[:40], labels[:40]), (images[40:], labels[40:]))
    model.fit(images[:40], labels[:40], epochs=2, verbose=0, callbacks=[kept])
    assert len(kept.familiar) == len(kept.novel) == 2
    wrong = model.predict(images[40:], verbose=0).argmax(axis=1) != labels[40:]
    assert kept.novel[-1] == pytest.approx(wrong.mean())
    subject = robustness.Subject("mine", "digits", [model])
    rows = robustness.measure_views(
        [subject], (images[:40], labels[:40]), (images[40:], labels[40:])
    )
    assert [row.check for row in rows] == ["familiar views", "novel views"]
    np.testing.assert_allclose(
        [row.value for row in rows], [1 - kept.familiar[-1], 1 - wrong.mean()]
    )


def test_novel_views():
    data = {"name": "smallnorb", "viewpoints": "familiar_elevations", "hold_out": "tenth"}
    assert robustness.novel_views(data) == {**data, "viewpoints": "novel_elevations"}
    with pytest.raises(ValueError, match="Received: 'all'"):
        robustness.novel_views({"name": "smallnorb"})
