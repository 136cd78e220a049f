"""A few presets with one value made hostile; `python -m tests.sweeps.presets` tries many."""

from tests.once import ONCE
from tests.sweeps.presets import cases
from tests.sweeps.presets import tried

pytestmark = ONCE


def test_each_is_built_or_refused_by_name(tmp_path):
    for case in cases(count=25, seed=1):
        end, words = tried(case, tmp_path)
        assert end in ("built", "refused"), (case[0], *case[2:], end, words)
