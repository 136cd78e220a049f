"""Names, splits, shapes and paths: what `load` says before it reads anything."""

import numpy as np
import pytest

import capszoo.data


def test_names():
    assert capszoo.data.names() == [
        "digits",
        "mnist",
        "fashion_mnist",
        "cifar10",
        "smallnorb",
        "svhn",
        "affine_mnist",
        "multi_mnist",
        "generated_ecg",
        "digit_scenes",
        "generated_volumes",
        "hippocampus",
        "nuclei",
        "generated_questions",
        "trec",
        "mr",
        "subj",
        "cr",
        "sst2",
        "generated_graphs",
        "mutag",
        "nci1",
        "proteins",
        "generated_histories",
        "moving_digits",
        "olivetti",
    ]


@pytest.mark.parametrize("name", capszoo.data.names())
def test_class_names(name):
    classes = capszoo.data.class_names(name)
    counts = {"smallnorb": 5, "generated_ecg": 3, "nuclei": 2}
    counts |= dict.fromkeys(("digit_scenes", "generated_volumes", "hippocampus"), 3)
    counts |= {"generated_questions": 3, "trec": 6}
    counts |= dict.fromkeys(("mr", "subj", "cr", "sst2", "mutag", "nci1", "proteins"), 2)
    counts |= {"generated_graphs": 3, "generated_histories": 500, "moving_digits": 40}
    counts["olivetti"] = 40
    assert len(classes) == len(set(classes)) == counts.get(name, 10)
    assert all(isinstance(label, str) for label in classes)


def test_class_names_in_the_order_of_the_labels():
    assert capszoo.data.class_names("digits") == list("0123456789")
    assert capszoo.data.class_names("fashion_mnist")[9] == "Ankle boot"
    assert capszoo.data.class_names("cifar10")[3] == "cat"
    assert capszoo.data.class_names("smallnorb", data_dir="anywhere")[4] == "car"


@pytest.mark.parametrize("function", [capszoo.data.load, capszoo.data.class_names])
def test_unknown_name(function):
    with pytest.raises(ValueError, match=r"data set 'minst'. Did you mean 'mnist'.*\.npz file"):
        function("minst")


@pytest.mark.parametrize("name", ["", 3, None, ["mnist"]])
def test_not_a_name(name):
    with pytest.raises(ValueError, match="Unknown data set"):
        capszoo.data.load(name)


@pytest.mark.parametrize("name", ["nowhere/photos", "own.npz"])
def test_missing_path(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=name):
        capszoo.data.load(name)


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"a folder of pictures or an .npz file.*notes\.txt"):
        capszoo.data.load(tmp_path / "notes.txt")


@pytest.mark.parametrize("split", ["valid", "", None])
def test_unknown_split(split):
    with pytest.raises(ValueError, match=r"`split`.*test, train, validation"):
        capszoo.data.load("digits", split)


def test_image_shape_of_a_named_set():
    assert capszoo.data.load("digits", "test", image_shape=[8, 8, 1])[0].shape == (360, 8, 8, 1)
    with pytest.raises(ValueError, match=r"digits have the shape \(8, 8, 1\).*\(28, 28, 1\)"):
        capszoo.data.load("digits", image_shape=(28, 28, 1))


@pytest.mark.parametrize("image_shape", [(8, 8), 8, (8, 0, 1), (8, 8, 1.0), "8x8x1"])
def test_not_an_image_shape(image_shape):
    with pytest.raises(ValueError, match="`image_shape`"):
        capszoo.data.load("digits", image_shape=image_shape)


def test_image_shape_of_an_own_file(tmp_path):
    images, labels = np.zeros((4, 5, 5), "uint8"), np.array([0, 1, 0, 1])
    np.savez(tmp_path / "own.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    with pytest.raises(ValueError, match=r"own\.npz have the shape \(5, 5, 1\).*\(8, 8, 1\)"):
        capszoo.data.load(tmp_path / "own.npz", image_shape=(8, 8, 1))


def test_a_name_goes_before_a_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert len(capszoo.data.load("digits")[0]) == 1149
    with pytest.raises(ValueError, match="digits is empty"):
        capszoo.data.load("./digits")
