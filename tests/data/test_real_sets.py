"""The real sets, where the environment variable CAPSZOO_DATA_DIR says they are."""

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
