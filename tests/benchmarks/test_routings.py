"""Every routing in the same network: what is measured, and what is written of it."""

import csv

import keras
import pytest

import capszoo
from capszoo.benchmarks import routings
from capszoo.routing import registry

TASK = routings.Task("digits", 64, 16, 1)


def test_all_are_measured_and_the_refused_are_said(monkeypatch, tmp_path):
    monkeypatch.setattr(registry.ROUTINGS, "items", dict(registry.ROUTINGS.items))

    @capszoo.routing.register("test_refuses")
    @keras.saving.register_keras_serializable(package="test")
    class Refuses(capszoo.routing.Routing):
        def build(self, votes_shape):
            raise ValueError("Only where\n  there is a map.")

    names = ["test_refuses", "uniform"]
    monkeypatch.setattr(capszoo.routing, "names", lambda: names)
    reported = []
    rows = routings.compare_routings([TASK], (0, 1), 1, lambda rows: reported.append(len(rows)))
    assert reported == [1, 2]
    refused, uniform = rows
    assert refused.refused.startswith("Only where there is a map.")
    assert refused.accuracy is refused.milliseconds is refused.parameters is None
    assert (uniform.train_images, uniform.test_images, uniform.seeds) == (64, 16, 2)
    assert 0 <= uniform.accuracy <= 1
    assert uniform.standard_error >= 0
    assert uniform.milliseconds > 0
    assert uniform.times_uniform == 1
    routings.write(tmp_path / "rows.csv", rows)
    with (tmp_path / "rows.csv").open(encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert [row["routing"] for row in read] == names
    assert read[1]["accuracy"] == str(uniform.accuracy)


def test_standard_error_of_a_mean():
    assert routings._standard_error([0.9, 0.92, 0.94]) == pytest.approx(0.02 / 3**0.5, abs=1e-5)
    assert routings._standard_error([0.9]) is None
