"""The real sets, where the environment variable CAPSZOO_DATA_DIR says they are."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

import capszoo.data

TRAINING_PICTURES = {
    "mnist": 60_000,
    "fashion_mnist": 60_000,
    "cifar10": 50_000,
    "smallnorb": 24_300,
    "svhn": 73_257,
}


@pytest.fixture(params=TRAINING_PICTURES)
def name(request):
    path = own_file(request.param)
    if path is None or not path.exists():
        pytest.skip(f"{request.param}.npz is not in the folder named by CAPSZOO_DATA_DIR")
    return request.param


def own_file(name):
    folder = os.environ.get("CAPSZOO_DATA_DIR")
    return Path(folder) / f"{name}.npz" if folder else None


def test_train_and_validation_make_up_the_training_pictures(name):
    train, train_labels = capszoo.data.load(name, "train")
    validation, validation_labels = capszoo.data.load(name, "validation")
    assert len(train) + len(validation) == TRAINING_PICTURES[name]
    share = 0.2 if name == "smallnorb" else 0.1
    assert len(validation) == round(share * TRAINING_PICTURES[name])
    with np.load(own_file(name)) as stored:
        assert train.shape[1:] == validation.shape[1:] == stored["x_train"].shape[1:]
        total = np.bincount(stored["y_train"].ravel())
    np.testing.assert_array_equal(np.bincount(train_labels) + np.bincount(validation_labels), total)
    np.testing.assert_allclose(np.bincount(validation_labels), share * total, atol=1)
    assert len(total) == len(capszoo.data.class_names(name))


def test_smallnorb_shares_no_toy_between_train_and_validation():
    path = own_file("smallnorb")
    if path is None or not path.exists():
        pytest.skip("smallnorb.npz is not in the folder named by CAPSZOO_DATA_DIR")
    with np.load(path) as stored:
        toys = dict(
            zip(
                (image.tobytes() for image in stored["x_train"]),
                zip(stored["y_train"].tolist(), stored["instance_train"].tolist(), strict=True),
                strict=True,
            )
        )
    train, validation = (
        {toys[image.tobytes()] for image in capszoo.data.load("smallnorb", split)[0]}
        for split in ("train", "validation")
    )
    assert validation == {(category, 9) for category in range(5)}
    assert train == {(category, toy) for category in range(5) for toy in (4, 6, 7, 8)}


def masks_or_skip(name):
    folder = os.environ.get("CAPSZOO_DATA_DIR")
    if not folder or not (Path(folder) / name).is_dir():
        pytest.skip(f"{name}/ is not in the folder named by CAPSZOO_DATA_DIR")
    if name == "hippocampus":
        pytest.importorskip("nibabel", reason="needs nibabel: the extra `medical`")
    return Path(folder) / name


def test_hippocampus_is_divided_by_case():
    folder = masks_or_skip("hippocampus")
    names = sorted(path.name[: -len(".nii.gz")] for path in folder.glob("imagesTr/*.nii.gz"))
    parts = {
        split: [case.name for case in capszoo.data.load_cases("hippocampus", split)]
        for split in ("train", "validation", "test")
    }
    assert parts["test"] == names[208:]
    by_digest = sorted(names[:208], key=lambda name: hashlib.sha256(name.encode()).digest())
    assert parts["validation"] == sorted(by_digest[:21])
    assert sorted(parts["train"] + parts["validation"]) == names[:208]
    images, masks = capszoo.data.load("hippocampus", "validation", kind="masks")
    assert (images.shape, images.dtype) == ((21, 48, 64, 48, 1), np.float32)
    assert [np.unique(mask).tolist() for mask in masks] == [[0, 1, 2]] * 21


def test_nuclei_are_divided_by_picture():
    masks_or_skip("nuclei")
    parts = {
        split: capszoo.data.load_cases("nuclei", split) for split in ("train", "validation", "test")
    }
    assert [len(cases) for cases in parts.values()] == [247, 28, 59]
    assert all(int(case.name[:4], 16) % 5 == 0 for case in parts["test"])
    names = sorted(case.name for split in ("train", "validation") for case in parts[split])
    assert all(int(name[:4], 16) % 5 for name in names)
    by_digest = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    assert [case.name for case in parts["validation"]] == sorted(by_digest[:28])
    masks = np.stack([case.mask for cases in parts.values() for case in cases])
    assert masks.mean() == pytest.approx(0.077, abs=5e-4)


SENTENCES = {"trec": 5_952, "mr": 10_662, "subj": 10_000, "cr": 3_771, "sst2": 9_613}


@pytest.mark.parametrize("name", SENTENCES)
def test_sentence_sets(name):
    folder = os.environ.get("CAPSZOO_DATA_DIR")
    if not folder or not (Path(folder) / "text").is_dir():
        pytest.skip("there is no folder `text` in the one named by CAPSZOO_DATA_DIR")
    pytest.importorskip("tokenizers")
    parts = [capszoo.data.load(name, split) for split in ("train", "validation", "test")]
    assert sum(len(texts) for texts, _ in parts) == SENTENCES[name]
    # The shape of sets in folds is that of all their texts.
    counted = parts if capszoo.data.options(name) else parts[:1]
    texts = np.concatenate([texts for texts, _ in counted])
    assert capszoo.data.tokens.texts_shape(texts, 128) == capszoo.data.example_shape(name)
    assert len(capszoo.data.class_names(name)) == parts[0][1].max() + 1
