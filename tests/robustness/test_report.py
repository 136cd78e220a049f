"""Presets measured side by side, tables, curves, the command; what is refused."""

import dataclasses

import numpy as np
import pytest

import capszoo
from capszoo import robustness
from capszoo.cli.app import app
from tests.once import ONCE

pytestmark = ONCE
PAIR = ["efficient_capsnet_digits", "conv_net_digits"]


@pytest.fixture(scope="module")
def report():
    return robustness.measure_presets(PAIR, 40, ["noise"], attacks=True, outside="digits")


def test_the_same_pictures_for_all(report):
    images, labels = (part[:40] for part in capszoo.data.load("digits", "test"))
    for name in PAIR:
        model = capszoo.load(name)
        for strength in (0, 2):
            (row,) = (
                one
                for one in report.rows
                if (one.network, one.strength) == (name, strength)
                and one.check in ("none", "noise")
            )
            changed = robustness.distort(images, "noise", strength)
            share = (model.predict(changed, verbose=0).argmax(axis=1) == labels).mean()
            assert row.value == pytest.approx(share)
            assert row.standard_error == pytest.approx((share * (1 - share) / 40) ** 0.5)
            assert (row.images, row.networks, row.data) == (40, 1, "digits")
    # Without the decoder, on which no score depends: as many in both, within a twentieth.
    sizes = {row.network: row.parameters for row in report.rows}
    assert sizes[PAIR[1]] == pytest.approx(sizes[PAIR[0]], rel=0.05)
    checks = {row.check for row in report.rows}
    assert checks == {"none", "noise", "calibration", "other classes", "fgsm", "pgd"}
    assert set(report.diagrams) == set(PAIR)


def test_controls_have_as_many_parameters():
    for data in ("digits", "mnist", "smallnorb"):
        sizes = []
        for family in ("conv_net", "efficient_capsnet"):
            preset = capszoo.zoo.read_preset(f"{family}_{data}")
            arguments = {key: value for key, value in preset.model.items() if key != "decoder"}
            sizes.append(capszoo.models.get_family(family)(**arguments, decoder=None))
        one, other = (model.count_params() for model in sizes)
        assert one == pytest.approx(other, rel=0.05)


def test_runs_of_one_preset(tmp_path):
    """A second network that answers by chance: the error is the spread of the two."""
    description = capszoo.zoo.read_preset("conv_net_digits")
    model = capszoo.models.ConvNet(**description.model)
    model.compile()
    capszoo.zoo.save(
        model,
        tmp_path / "again",
        name="conv_net_digits",
        data={"name": "digits"},
    )
    subjects = robustness.subjects_of_presets(["conv_net_digits", tmp_path / "again"])
    assert [(one.name, len(one.models)) for one in subjects] == [("conv_net_digits", 2)]
    images, labels = (part[:50] for part in capszoo.data.load("digits", "test"))
    row = robustness.measure_distortions(subjects, images, labels, [])[0]
    shares = [
        (one.predict(images, verbose=0).argmax(axis=1) == labels).mean()
        for one in subjects[0].models
    ]
    assert row.value == pytest.approx(np.mean(shares))
    assert row.standard_error == pytest.approx(abs(shares[0] - shares[1]) / 2)
    assert row.networks == 2


def test_written(report, tmp_path):
    pytest.importorskip("matplotlib")
    files = robustness.write_report(report, tmp_path / "out")
    assert [one.name for one in files] == [
        "curves.png",
        "measured.csv",
        "measured.md",
        "reliability.png",
    ]
    again = robustness.read_csv(tmp_path / "out" / "measured.csv")
    for one, other in zip(again, report.rows, strict=True):
        assert one.value == pytest.approx(other.value, abs=1e-5)
        same = {"value": 0, "standard_error": 0}
        assert dataclasses.replace(one, **same) == dataclasses.replace(other, **same)
    table = (tmp_path / "out" / "measured.md").read_text().splitlines()
    assert table[0] == f"| check | strength | amount | measure | {PAIR[0]} | {PAIR[1]} |"
    assert len(table) == 2 + len(report.rows) // 2 + 1  # the control has no reconstruction
    assert sum("reconstruction" in line and line.endswith("| - |") for line in table) == 1
    with pytest.raises(ValueError, match="empty or not there"):
        robustness.write_report(report, tmp_path / "out")
    broken = tmp_path / "broken.csv"
    broken.write_text("network,value\nmine,1\n")
    with pytest.raises(ValueError, match="Received: network, value"):
        robustness.read_csv(broken)


def test_curves_hold_the_figures(report):
    pytest.importorskip("matplotlib")
    figure = robustness.draw_curves(report.rows)
    drawn = {axis.get_title(): axis for axis in figure.axes if axis.get_title()}
    assert list(drawn) == ["noise", "fgsm", "pgd"]
    expected = [100 * row.value for row in report.rows if row.check in ("none", "noise")][::2]
    np.testing.assert_allclose(drawn["noise"].lines[0].get_ydata(), expected)
    with pytest.raises(ValueError, match="of some strength"):
        robustness.draw_curves([row for row in report.rows if row.strength == 0])


def test_several_objects(report):
    scores = np.array([[0.9, 0.8, 0.1], [0.9, 0.2, 0.8], [0.1, 0.2, 0.9]])
    labels = np.array([[1, 1, 0], [1, 1, 0], [1, 1, 0]])
    np.testing.assert_array_equal(robustness.share_found(scores, labels), [1, 0.5, 0.5])
    model = capszoo.models.ConvNet((8, 8, 1), 3, (4,), (3,), (1,))
    found = robustness.are_right(model, scores, labels)
    np.testing.assert_array_equal(found, [True, False, False])
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), dtype="uint8")
    subject = robustness.Subject("two", "made", [model])
    (row,) = robustness.measure_objects([subject], images, labels)
    expected = robustness.share_found(model.predict(images, verbose=0), labels).mean()
    assert (row.measure, row.value) == ("found", pytest.approx(expected))


@pytest.mark.parametrize(
    ("presets", "message"),
    [
        (["capsnet_digits", "capsnet_mnist"], r"same data. Received: capsnet_digits of 'digits'"),
        (["segcaps_digit_scenes"], "segcaps_digit_scenes, for the task 'segmentation'"),
        (["text_conv_net_generated_questions"], "which takes texts"),
        (["capsnet_fashion_mnist"], "capsnet_fashion_mnist"),
    ],
)
def test_refused_presets(presets, message):
    with pytest.raises(ValueError, match=message):
        robustness.measure_presets(presets)


def test_refused_pictures():
    subject = robustness.Subject("mine", "digits", [capszoo.load("conv_net_digits")])
    images, labels = (part[:4] for part in capszoo.data.load("digits", "test"))
    with pytest.raises(ValueError, match=r"Received: images of shape \(4, 8, 8, 3\)"):
        robustness.measure_distortions([subject], np.repeat(images, 3, axis=-1), labels)
    with pytest.raises(ValueError, match="a label for each image"):
        robustness.measure_distortions([subject], images, labels[:3])
    with pytest.raises(ValueError, match="`names`: 'fog'"):
        robustness.measure_distortions([subject], images, labels, ["fog"])
    one = robustness.Subject("mine", "digits", [capszoo.load("segcaps_digit_scenes")])
    with pytest.raises(ValueError, match="classifies pictures"):
        robustness.measure_distortions([one], images, labels)


def test_command(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    command = ["robustness", PAIR[1], "--images", "20", "--only", "blur", "--output"]
    app([*command, str(tmp_path / "out")], standalone_mode=False)
    assert "blur" in capsys.readouterr().out
    assert (tmp_path / "out" / "curves.png").stat().st_size > 1000
    with pytest.raises(ValueError, match="empty or not there"):
        app([*command, str(tmp_path / "out")], standalone_mode=False)
    with pytest.raises(ValueError, match="same data"):
        app(
            ["robustness", PAIR[1], "--against", "capsnet_mnist", "--output", str(tmp_path / "no")],
            standalone_mode=False,
        )
    assert not (tmp_path / "no").exists()
