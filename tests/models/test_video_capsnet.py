"""VideoCapsNet and the task of localizing: labels, losses, measures, windows, files."""

import functools

import keras
import numpy as np
import pytest
import yaml
from PIL import Image

import capszoo
from capszoo.data import moving_digits
from tests.data.video_files import greys
from tests.data.video_files import write_clip
from tests.layer_checks import to_numpy
from tests.models.test_families import SMALL
from tests.once import ONCE

SHAPE = SMALL["video_capsnet"]["clip_shape"]


def small(**changes):
    return capszoo.models.VideoCapsNet(**{**SMALL["video_capsnet"], **changes})


def squares(count, frames=4, side=8):
    """A bright square that moves to the right or down, its class 0 or 1, and its masks."""
    random = np.random.default_rng(0)
    classes = np.arange(count) % 2
    clips = random.integers(0, 60, size=(count, frames, side, side, 1)).astype("uint8")
    masks = np.zeros(clips.shape[:-1], "uint8")
    for clip, mask, one in zip(clips, masks, classes, strict=True):
        start = random.integers(side - 3 - frames + 1, size=2)
        for frame in range(frames):
            row, column = start + frame * np.array([one, 1 - one])
            clip[frame, row : row + 3, column : column + 3] = 220
            mask[frame, row : row + 3, column : column + 3] = one + 1
    return clips, masks, classes


@pytest.mark.skipif(
    keras.backend.backend() != "torch",
    reason="a hundred steps of 3-D convolutions: twenty times as long on the CPUs of the others",
)
def test_learns_what_moves_and_where():
    clips, masks, classes = squares(64)
    keras.utils.set_random_seed(0)
    model = small(num_classes=2)
    model.compile(loss=capszoo.losses.MarginLoss(), optimizer=keras.optimizers.Adam(0.01))
    model.fit(clips, masks, batch_size=16, epochs=25, verbose=0)
    measured = model.evaluate(clips, masks, verbose=0, return_dict=True)
    assert measured["accuracy"] > 0.95
    assert measured["iou"] > 0.6
    # The measures are those of the answers.
    answers = model.predict(clips, verbose=0).argmax(axis=-1)
    assert (answers == classes).mean() == pytest.approx(measured["accuracy"])
    found, there = model.localize(clips) >= 0.5, masks > 0
    both, either = ((found & there), (found | there))
    iou = (both.sum(axis=(1, 2, 3)) / either.sum(axis=(1, 2, 3))).mean()
    assert iou == pytest.approx(measured["iou"], abs=1e-5)


def test_the_loss_is_that_of_the_scores_and_the_pixels():
    clips, masks, classes = squares(6)
    model = small(num_classes=2, localization_weight=3.0)
    loss = capszoo.losses.MarginLoss()
    model.compile(loss=loss)
    weights = np.array([1, 0, 2, 1, 0.5, 1], "float32")
    measured = model.evaluate(clips, masks, sample_weight=weights, verbose=0, return_dict=True)
    scores, found = model.predict(clips, verbose=0), model.localize(clips)
    found = np.clip(found, 1e-7, 1 - 1e-7)  # as Keras does
    there = (masks > 0).astype("float32")
    crossentropy = -(there * np.log(found) + (1 - there) * np.log(1 - found)).mean(axis=(1, 2, 3))
    expected = float(loss(classes, scores, sample_weight=weights))
    expected += 3 * (weights * crossentropy).mean()
    assert measured["loss"] == pytest.approx(expected, rel=1e-4)


def test_in_training_the_true_class_is_localized():
    """What evaluation and prediction show is of the class with the highest score."""
    clips, masks, _ = squares(8)
    model = small(num_classes=2)
    model.compile(loss=capszoo.losses.MarginLoss())
    outputs = model(clips)
    wrong = np.where(masks > 0, 3 - masks, 0).astype("uint8")
    losses = {}
    for labels in (masks, wrong):
        of_scores = model.loss(labels.max(axis=(1, 2, 3)) - 1.0, outputs["scores"])
        values = [keras.ops.convert_to_tensor(one) for one in (clips, labels)]
        for training in (True, False):
            loss = model.compute_loss(*values, outputs, training=training)
            losses[labels is masks, training] = float(to_numpy(loss) - to_numpy(of_scores))
    # Without training, of which class the masks are makes no difference.
    assert losses[True, False] == pytest.approx(losses[False, False], abs=1e-4)
    assert losses[True, True] != pytest.approx(losses[False, True], abs=1e-6)


def test_windows_of_longer_clips_are_measured_with_their_masks():
    clips, masks, _ = squares(6, frames=6, side=10)
    model = small(num_classes=2, resize=(8, 8))
    model.compile()
    whole = model.evaluate(clips, masks, verbose=0, return_dict=True)
    prepared = small(num_classes=2)
    prepared.set_weights(model.get_weights())
    prepared.compile()
    parts, of_parts = capszoo.data.clips.resize_clips(clips[:, 1:5], masks[:, 1:5], 8, 8)
    expected = prepared.evaluate(parts, of_parts, verbose=0, return_dict=True)
    # Frames are resized to whole levels here and there.
    assert whole == pytest.approx(expected, abs=1e-2)
    assert model.predict_output("window", clips).tolist() == [[1, 0, 0]] * 6
    # In training they are cut out at random, with their masks.
    model.fit(clips, masks, epochs=1, verbose=0)


def test_without_localization_classes_are_enough():
    clips, masks, classes = squares(8)
    model = small(num_classes=2, localization_weight=0)
    assert set(model.output) == {"scores", "poses", "coupling"}
    model.compile()
    model.fit(clips, classes, epochs=1, verbose=0)
    measured = model.evaluate(clips, classes, verbose=0, return_dict=True)
    assert measured["iou"] == 0
    assert measured == pytest.approx(model.evaluate(clips, masks, verbose=0, return_dict=True))
    with pytest.raises(ValueError, match="does not localize: it is built with localization_weig"):
        model.localize(clips)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(4, "int64"), r"masks as labels, integers of shape \(4, 4, 8, 8\).*weight=0"),
        (np.ones((4, 4, 8, 7), "uint8"), r"without channels, \(4, 4, 8, 8\)"),
        (np.zeros((4, 4, 8, 8), "uint8"), "one class in each mask.*none in mask 0"),
        (np.eye(8)[None, None].repeat(4, 0).repeat(4, 1) + 2.0, "2, 3 in mask 0"),
        (np.full((4, 4, 8, 8), 12), "Expected label maps of 0 to 10"),
        (np.full((4, 4, 8, 8), 0.5), "Expected label maps of integers"),
    ],
)
def test_labels_that_say_no_place_are_refused(labels, message):
    model = small()
    model.compile()
    clips = np.zeros((4, *SHAPE), "uint8")
    with pytest.raises(ValueError, match=message):
        model.fit(clips, labels, verbose=0)


@ONCE
def test_from_a_recipe_to_files(tmp_path, run, monkeypatch):
    monkeypatch.setattr(moving_digits, "COUNTS", {"train": 80, "validation": 40, "test": 40})
    made = functools.cache(moving_digits._made.__wrapped__)
    monkeypatch.setattr(moving_digits, "_made", made)
    content = {
        "name": "moving",
        "family": "video_capsnet",
        "task": "localization",
        "model": {
            **{key: value for key, value in SMALL["video_capsnet"].items() if key != "clip_shape"},
            "conv_filters": [4, 4, 4],
            "conv_strides": [[1, 2, 2], [2, 2, 2], 1],
            "clip_shape": [8, 32, 32, 1],
            "num_classes": 40,
            "localization_filters": [4, 2],
            "pooling_strides": [2, 2, 2],
            "pooling_size": [2, 3, 3],
        },
        "data": {"name": "moving_digits", "labels": "masks", "crop": [8, 32, 32]},
        "training": {"epochs": 1, "batch_size": 32},
    }
    path = tmp_path / "moving.yaml"
    path.write_text(yaml.safe_dump(content))
    report = capszoo.training.train(path, output=tmp_path / "run", verbose=0)
    assert {"test_accuracy", "test_iou", "test_clips"} <= set(report)
    model = capszoo.load(tmp_path / "run")
    clips, masks = capszoo.data.load("moving_digits", "test", labels="masks")
    measured = model.evaluate(clips, masks, verbose=0, return_dict=True)
    assert measured["iou"] == pytest.approx(report["test_iou"], abs=1e-4)
    found = capszoo.training.evaluate(tmp_path / "run", verbose=0)
    assert found["agrees"]
    assert found["golden_difference"] < 1e-4

    write_clip(tmp_path / "clip.mp4", greys(12))
    code, out, _ = run("predict", tmp_path / "run", tmp_path / "clip.mp4", "--json")
    assert code == 0
    (answer,) = yaml.safe_load(out)
    assert answer["clip"].endswith("clip.mp4")
    assert len(answer["classes"]) == 3
    write_clip(tmp_path / "short.gif", greys(5))
    code, _, err = run("predict", tmp_path / "run", tmp_path / "short.gif")
    assert code == 2
    assert "short.gif as a clip for the model: it has 5 frames, and the model takes 8." in " ".join(
        err.split()
    )
    Image.new("L", (32, 32)).save(tmp_path / "photo.png")
    code, _, err = run("predict", tmp_path / "run", tmp_path / "photo.png")
    assert code == 2
    assert "it has 1 frames, and the model takes 8. A picture is no clip." in " ".join(err.split())


@ONCE
def test_a_page_explains_clips(tmp_path):
    clips, masks, _ = squares(6)
    names = ["right", "down"]
    model = small(num_classes=2)
    page = capszoo.visualization.explain(
        model, clips[:1], tmp_path / "page", names=names, test=(clips, masks), train=clips
    )
    text = page.read_text(encoding="utf-8")
    assert sorted(path.name for path in page.parent.glob("*.png")) == [
        "confusions.png",
        "example_1_localization.png",
        "example_1_scores.png",
        "pose_map.png",
    ]
    # What does not apply is left out with a word.
    assert "it does not classify pictures" in text
    assert "they are drawn of pictures alone" in text
    control = capszoo.models.VideoConvNet(**{**SMALL["video_conv_net"], "num_classes": 2})
    page = capszoo.visualization.explain(control, clips[:1], tmp_path / "control")
    assert [path.name for path in page.parent.glob("*.png")] == ["example_1_scores.png"]


@ONCE
def test_trained_on_a_folder_of_ones_own(tmp_path):
    for split in ("train", "val", "test"):
        for label, first in (("dark", 10), ("bright", 150)):
            for number in range(3):
                frames = greys(9 + number, first + number, step=3, size=(24, 32))
                write_clip(tmp_path / "own" / split / label / f"{number}.mp4", frames)
    small_one = {"model.conv_filters": [4, 4, 4, 4], "model.localization_filters": [4, 2]}
    with pytest.raises(ValueError, match=r"do not fit: Expected masks.*localization_weight=0"):
        capszoo.training.train(
            "video_capsnet", data=tmp_path / "own", settings=small_one, epochs=1, verbose=0,
            output=tmp_path / "no",
        )  # fmt: skip
    report = capszoo.training.train(
        "video_capsnet",
        data=tmp_path / "own",
        settings={**small_one, "model.localization_weight": 0.0},
        epochs=1,
        verbose=0,
        output=tmp_path / "run",
    )
    assert report["test_clips"] == 6
    assert capszoo.load(tmp_path / "run").example_shape == (8, 24, 32, 3)
    report = capszoo.training.train(
        "video_conv_net", data=tmp_path / "own", epochs=1, verbose=0, output=tmp_path / "control"
    )
    assert report["test_clips"] == 6
    (tmp_path / "own" / "train" / "dark" / "1.mp4").write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"Cannot read .*train.dark.1\.mp4 as a clip"):
        capszoo.training.train("video_conv_net", data=tmp_path / "own", output=tmp_path / "x")
