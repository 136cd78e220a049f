"""Whole cases are measured, in training and afterwards, where the model sees parts of them."""

import types

import numpy as np
import pytest
import yaml

import capszoo
from capszoo import losses
from capszoo.data.data_set import DATA_SETS
from capszoo.training.whole_examples import MeasureWhole
from capszoo.training.whole_examples import validate_with
from tests.models import tiny_segmenter
from tests.once import ONCE


@pytest.fixture
def large():
    """Pictures larger than the model, and labels for them."""
    images, labels = tiny_segmenter.data(2, 12)
    return (
        np.concatenate([images[:6], images[6:]], axis=1),
        np.concatenate([labels[:6], labels[6:]], axis=1),
    )


def test_measured_after_each_epoch(large):
    model = tiny_segmenter.SEGMENTERS[2](margin_weight=0.1, reconstruction_weight=0.1)
    model.compile()
    images, labels = large
    history = model.fit(
        *tiny_segmenter.data(2, 4), epochs=2, callbacks=[MeasureWhole(*large, 4)], verbose=0
    ).history
    assert [len(history[f"val_{name}"]) for name in ("loss", "dice", "iou")] == [2, 2, 2]

    answers = model.probabilities(images)
    assert answers.shape == (*labels.shape, 2)
    found, both = model.segment(images) == 1, labels == 1
    dice = [2 * (a & b).sum() / (a.sum() + b.sum()) for a, b in zip(found, both, strict=True)]
    iou = [(a & b).sum() / (a | b).sum() for a, b in zip(found, both, strict=True)]
    loss = float(losses.SegmentationLoss()(labels, answers))
    measured = model.measure(images, labels)
    assert measured == pytest.approx({"loss": loss, "dice": np.mean(dice), "iou": np.mean(iou)})
    for name, value in measured.items():
        assert history[f"val_{name}"][-1] == pytest.approx(value, rel=1e-5)


def test_examples_of_its_own_size_are_evaluated():
    model = tiny_segmenter.SEGMENTERS[2]()
    model.compile()
    images, labels = tiny_segmenter.data(2, 4)
    assert not model.measured_apart(images)
    assert model.measure(images, labels) == model.evaluate(
        images, labels, verbose=0, return_dict=True
    )


def test_labels_of_cases_are_checked(large):
    model = tiny_segmenter.SEGMENTERS[2]()
    model.compile()
    images, labels = large
    with pytest.raises(ValueError, match="Received: 6 examples, 5 label maps"):
        model.measure(images, labels[1:])
    with pytest.raises(ValueError, match="label maps of the size of the examples"):
        model.measure(images, labels[:, 1:])
    with pytest.raises(ValueError, match="Received: labels from 1 to 2"):
        model.measure(list(images), list(labels + 1))


@pytest.fixture
def scenes(monkeypatch):
    """A data set of some pictures that are larger than the model's windows."""
    monkeypatch.setattr(DATA_SETS, "items", dict(DATA_SETS.items))
    all_of_them = capszoo.data.load_cases("digit_scenes", "validation")
    parts = {
        "train": all_of_them[:16],
        "validation": all_of_them[16:20],
        "test": all_of_them[20:26],
    }
    capszoo.data.register(
        "some_scenes",
        capszoo.data.set_of_cases(
            (32, 32, 1), ("background", "zero", "one"), lambda split, data_dir: parts[split]
        ),
    )
    return parts


@ONCE
def test_trained_on_windows_and_measured_whole(scenes, tmp_path):
    content = {
        "name": "windows",
        "family": "unet2d",
        "task": "segmentation",
        "model": {"image_shape": [16, 24, 1], "num_classes": 3, "filters": [2, 3]},
        "data": {"name": "some_scenes", "crop": [16, 24]},
        "training": {"epochs": 2, "batch_size": 8},
    }
    path = tmp_path / "windows.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    report = capszoo.training.train(path, output=tmp_path / "run", verbose=0)
    assert report["test_images"] == 6
    model = capszoo.load(tmp_path / "run")
    assert model.image_shape == (16, 24, 1)
    found = model.segment([case.image for case in scenes["test"]])
    scores = []
    for labels, case in zip(found, scenes["test"], strict=True):
        assert labels.shape == (32, 32)
        pairs = [(labels == k, case.mask == k) for k in (1, 2)]
        scores.append(
            np.mean([2 * (a & b).sum() / (a.sum() + b.sum()) for a, b in pairs if (a | b).any()])
        )
    assert report["test_dice"] == pytest.approx(np.mean(scores), abs=1e-5)
    history = (tmp_path / "run" / "history.csv").read_text().splitlines()
    assert {"val_dice", "val_iou", "val_loss"} <= set(history[0].split(","))
    measured = capszoo.training.evaluate(tmp_path / "run", verbose=0)
    assert measured["agrees"]
    assert measured["dice"] == pytest.approx(report["test_dice"], abs=1e-5)
    with pytest.raises(ValueError, match=r"Set data\.crop or model\.image_shape"):
        capszoo.training.train(
            path, settings={"data.crop": [8, 8]}, output=tmp_path / "other", verbose=0
        )


def test_several_devices_cannot_share_what_is_measured_apart(large):
    model = tiny_segmenter.SEGMENTERS[2]()
    several = types.SimpleNamespace(devices=2)
    with pytest.raises(ValueError, match="Train without `distribute`"):
        validate_with(model, large, 4, None, several)
