"""Random points of search spaces are trained on the data of their own kind."""

import pytest

from capszoo.tuning import sweep
from tests.once import ONCE

pytestmark = ONCE


@pytest.mark.parametrize("family", ["conv_net", "interest_capsnet", "unet2d"])
def test_a_point_trains(family):
    said = []
    assert sweep.sweep([family], points=1, examples=6, say=said.append) == []
    (line,) = said
    assert line.startswith(f"{family} 0: loss ")


def test_what_fails_is_named(monkeypatch, capsys):
    def fail(*_, **__):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(sweep.CapsuleHyperModel, "fit", fail)
    assert sweep.main(["conv_net", "--points", "1", "--examples", "2"]) == 1
    said = capsys.readouterr().out
    assert "conv_net 0: FAILED out of luck" in said
    assert said.endswith("1 failed\n")
