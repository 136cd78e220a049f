"""Data sets and users' own arrays from `.npz` files, and every way they can be wrong."""

import numpy as np
import pytest

import capszoo.data
from capszoo.data.splits import SPLITS


def arrays(shape=(28, 28, 1), classes=10, train=200, test=30):
    random = np.random.default_rng(0)
    return {
        "x_train": random.integers(0, 256, (train, *shape), dtype="uint8"),
        "y_train": np.arange(train) % classes,
        "x_test": random.integers(0, 256, (test, *shape), dtype="uint8"),
        "y_test": np.arange(test) % classes,
    }


def rows(images):
    return {image.tobytes() for image in images}


def test_named_set_from_data_dir(tmp_path):
    stored = arrays()
    np.savez(tmp_path / "mnist.npz", **stored)
    train, train_labels = capszoo.data.load("mnist", "train", tmp_path)
    validation, validation_labels = capszoo.data.load("mnist", "validation", tmp_path)
    test, test_labels = capszoo.data.load("mnist", "test", tmp_path)
    np.testing.assert_array_equal(test, stored["x_test"])
    np.testing.assert_array_equal(test_labels, stored["y_test"])
    assert (len(train), len(validation)) == (180, 20)
    assert (train.dtype, train_labels.dtype) == (np.uint8, np.int64)
    assert np.bincount(validation_labels).tolist() == [2] * 10
    assert rows(train) | rows(validation) == rows(stored["x_train"])
    label_of = {x.tobytes(): y for x, y in zip(stored["x_train"], stored["y_train"], strict=True)}
    for images, labels in ((train, train_labels), (validation, validation_labels)):
        assert [label_of[image.tobytes()] for image in images] == labels.tolist()


def test_named_set_from_the_environment(tmp_path, monkeypatch):
    np.savez(tmp_path / "cifar10.npz", **arrays((32, 32, 3)))
    monkeypatch.setenv("CAPSZOO_DATA_DIR", str(tmp_path))
    assert capszoo.data.load("cifar10", "test")[0].shape == (30, 32, 32, 3)


def test_data_dir_goes_before_the_environment(tmp_path, monkeypatch):
    np.savez(tmp_path / "mnist.npz", **arrays())
    monkeypatch.setenv("CAPSZOO_DATA_DIR", str(tmp_path / "elsewhere"))
    assert len(capszoo.data.load("mnist", "test", str(tmp_path))[0]) == 30


def test_validation_does_not_depend_on_the_order(tmp_path):
    stored = arrays()
    np.savez(tmp_path / "a.npz", **stored)
    order = np.random.default_rng(1).permutation(200)
    for name in ("x_train", "y_train"):
        stored[name] = stored[name][order]
    np.savez(tmp_path / "b.npz", **stored)
    first, _ = capszoo.data.load(tmp_path / "a.npz", "validation")
    second, _ = capszoo.data.load(tmp_path / "b.npz", "validation")
    assert rows(first) == rows(second)


def test_grayscale_without_channels_and_labels_with_two_axes(tmp_path):
    stored = arrays((28, 28))
    stored["y_train"] = stored["y_train"][:, None].astype("uint8")
    np.savez_compressed(tmp_path / "mnist.npz", **stored)
    images, labels = capszoo.data.load("mnist", data_dir=tmp_path)
    assert images.shape == (180, 28, 28, 1)
    assert (labels.shape, labels.dtype) == ((180,), np.int64)


def test_own_file_by_path(tmp_path):
    np.savez(tmp_path / "leaves.npz", **arrays((5, 7, 3), classes=3))
    path = str(tmp_path / "leaves.npz")
    assert capszoo.data.load(path, image_shape=(5, 7, 3))[0].shape == (180, 5, 7, 3)
    assert capszoo.data.class_names(path) == ["0", "1", "2"]


def test_smallnorb_holds_out_one_toy_per_category(tmp_path):
    stored = arrays((48, 48, 2), classes=5)
    toys = np.array([4, 6, 7, 8, 9])[np.arange(200) // 5 % 5].astype("uint8")
    np.savez(tmp_path / "smallnorb.npz", **stored, instance_train=toys)
    train, train_labels = capszoo.data.load("smallnorb", "train", tmp_path)
    validation, _ = capszoo.data.load("smallnorb", "validation", tmp_path)
    assert rows(validation) == rows(stored["x_train"][toys == 9])
    assert rows(train) == rows(stored["x_train"][toys != 9])
    assert np.bincount(train_labels).tolist() == [32] * 5


def test_smallnorb_holds_out_a_tenth_if_asked(tmp_path):
    stored = arrays((48, 48, 2), classes=5)
    toys = np.array([4, 6, 7, 8, 9])[np.arange(200) // 5 % 5].astype("uint8")
    np.savez(tmp_path / "smallnorb.npz", **stored, instance_train=toys)
    train, _ = capszoo.data.load("smallnorb", "train", tmp_path, hold_out="tenth")
    validation, labels = capszoo.data.load("smallnorb", "validation", tmp_path, hold_out="tenth")
    assert np.bincount(labels).tolist() == [4] * 5
    assert len(rows(train)) == 180
    assert rows(train) | rows(validation) == rows(stored["x_train"])
    by_object, _ = capszoo.data.load("smallnorb", "validation", tmp_path, hold_out="object")
    assert rows(by_object) == rows(stored["x_train"][toys == 9])


def test_wrong_hold_out(tmp_path):
    with pytest.raises(ValueError, match=r"`hold_out`: 'toy'. Expected one of: object, tenth"):
        capszoo.data.load("smallnorb", "train", tmp_path, hold_out="toy")
    with pytest.raises(ValueError, match=r"'digits' has no options. Received: hold_out='tenth'"):
        capszoo.data.load("digits", hold_out="tenth")


def test_smallnorb_without_toys_is_refused(tmp_path):
    np.savez(tmp_path / "smallnorb.npz", **arrays((48, 48, 2), classes=5))
    with pytest.raises(ValueError, match=r"smallnorb\.npz lacks instance_train"):
        capszoo.data.load("smallnorb", "test", tmp_path)


def test_validation_of_its_own(tmp_path):
    stored = arrays()
    for name in ("x_val", "x_valid", "x_validation"):
        more = {name: stored["x_train"][:7], name.replace("x", "y"): stored["y_train"][:7]}
        np.savez(tmp_path / "own.npz", **stored, **more)
        images, labels = capszoo.data.load(tmp_path / "own.npz", "validation")
        np.testing.assert_array_equal(images, stored["x_train"][:7])
        np.testing.assert_array_equal(labels, stored["y_train"][:7])
        # Nothing is carved from what is for training then.
        assert len(capszoo.data.load(tmp_path / "own.npz", "train")[0]) == 200
        assert len(capszoo.data.load(tmp_path / "own.npz", "test")[0]) == 30


def test_names_of_medmnist(tmp_path):
    stored = arrays((28, 28, 3), classes=9)
    np.savez(
        tmp_path / "pathmnist.npz",
        train_images=stored["x_train"],
        train_labels=stored["y_train"][:, None].astype("uint8"),
        val_images=stored["x_test"][:9],
        val_labels=stored["y_test"][:9, None],
        test_images=stored["x_test"],
        test_labels=stored["y_test"][:, None],
    )
    found = [len(capszoo.data.load(tmp_path / "pathmnist.npz", one)[0]) for one in SPLITS]
    assert found == [200, 9, 30]
    assert capszoo.data.example_shape(tmp_path / "pathmnist.npz") == (28, 28, 3)
    assert capszoo.data.class_names(tmp_path / "pathmnist.npz") == list("012345678")


def test_a_half_of_validation_is_refused(tmp_path):
    np.savez(tmp_path / "own.npz", **arrays(), x_val=arrays()["x_test"])
    with pytest.raises(ValueError, match=r"own\.npz lacks y_val"):
        capszoo.data.load(tmp_path / "own.npz")


@pytest.mark.parametrize(
    ("dtype", "value_range"),
    [("float32", (0, 1)), ("float64", (-1, 1)), ("uint16", (0, 65535)), ("int64", (0, 255))],
)
def test_other_numbers_with_their_range(tmp_path, dtype, value_range):
    pixels = arrays()
    low, high = value_range
    stored = dict(pixels)
    for name in ("x_train", "x_test"):
        numbers = low + pixels[name].astype("float64") / 255 * (high - low)
        stored[name] = numbers.round(9).astype(dtype)
    np.savez(tmp_path / "own.npz", **stored)
    images, _ = capszoo.data.load(tmp_path / "own.npz", "test", value_range=value_range)
    np.testing.assert_array_equal(images, pixels["x_test"])
    # Shape and classes can be told without.
    assert capszoo.data.example_shape(tmp_path / "own.npz") == (28, 28, 1)
    assert len(capszoo.data.class_names(tmp_path / "own.npz")) == 10
    with pytest.raises(ValueError, match=r"value_range=\(0, 1\).*data\.value_range"):
        capszoo.data.load(tmp_path / "own.npz", "test")
    with pytest.raises(ValueError, match=r"must hold numbers from 0 to 0\.5, its value_range"):
        capszoo.data.load(tmp_path / "own.npz", "test", value_range=(0, 0.5))


@pytest.mark.parametrize("value_range", [(1, 0), 1, (0, 1, 2), (0, "1")])
def test_wrong_value_range(tmp_path, value_range):
    np.savez(tmp_path / "own.npz", **arrays())
    with pytest.raises(ValueError, match="`value_range`, expected two numbers"):
        capszoo.data.load(tmp_path / "own.npz", value_range=value_range)
    with pytest.raises(ValueError, match=r"for the numbers of an \.npz file"):
        capszoo.data.load("digits", value_range=(0, 1))


def test_labels_from_one(tmp_path):
    stored = arrays(classes=3)
    stored["y_train"], stored["y_test"] = stored["y_train"] + 1, stored["y_test"] + 1
    np.savez(tmp_path / "own.npz", **stored)
    for ask in (capszoo.data.load, capszoo.data.class_names):
        with pytest.raises(ValueError, match=r"from 0. Received: 1 to 3. Store `labels - 1`"):
            ask(tmp_path / "own.npz")


WRONG = {
    "missing": ("x_test", None, r"own\.npz lacks x_test. Expected .*Received: x_train, y_train"),
    "float": ("x_train", lambda x: x / 255, "'x_train' of .* must be of type uint8.*float64"),
    "int64": ("x_test", lambda x: x.astype("int64"), "'x_test' of .* uint8.*Received: int64"),
    "rank 2": ("x_train", lambda x: x.reshape(len(x), -1), r"'x_train'.*Received: \(200, 784\)"),
    "rank 5": ("x_train", lambda x: x[None], r"'x_train'.*Received: \(1, 200, 28, 28, 1\)"),
    "empty": ("x_test", lambda x: x[:0], r"'x_test'.*Received: \(0, 28, 28, 1\)"),
    "float labels": ("y_train", lambda y: y / 1.0, "'y_train' of .* integers.*type float64"),
    "text labels": ("y_train", lambda y: y.astype("U1"), "'y_train' of .* integers.*<U1"),
    "boolean labels": ("y_train", lambda y: y > 4, "'y_train' of .* integers.*type bool"),
    "one-hot labels": ("y_train", lambda y: np.eye(10, dtype="int64")[y], r"shape \(200, 10\)"),
    "negative": ("y_test", lambda y: y - 1, "'y_test' of .* not be negative. Received: -1"),
    "lengths": ("y_train", lambda y: y[:-1], r"its 200 pictures.*Received: shape \(199,\)"),
    "pickle": ("y_train", lambda y: y.astype(object), "Cannot read the array 'y_train' of .*own"),
    "shapes": ("x_test", lambda x: x[:, :14], r"one shape. Received: .*28, 28.*14, 28"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_wrong_arrays_are_refused_whatever_the_split(tmp_path, case, split):
    name, change, message = WRONG[case]
    stored = arrays()
    value = stored.pop(name)
    if change:
        stored[name] = change(value)
    np.savez(tmp_path / "own.npz", **stored)
    with pytest.raises(ValueError, match=message) as caught:
        capszoo.data.load(tmp_path / "own.npz", split)
    assert "own.npz" in str(caught.value)


def test_a_class_of_one_cannot_be_split(tmp_path):
    stored = arrays()
    stored["y_train"][0] = 10
    np.savez(tmp_path / "own.npz", **stored)
    with pytest.raises(ValueError, match=r"own\.npz to make a validation.*class 10 with 1 left"):
        capszoo.data.load(tmp_path / "own.npz")


@pytest.mark.parametrize("content", ["empty", "text", "array", "truncated"])
def test_not_an_archive(tmp_path, content):
    path = tmp_path / "own.npz"
    if content == "array":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    else:
        np.savez(path, **arrays())
        whole = path.read_bytes()
        path.write_bytes({"empty": b"", "text": b"hello", "truncated": whole[:-500]}[content])
    with pytest.raises(ValueError, match=r"own\.npz is not an .npz file, or only a part"):
        capszoo.data.load(path)


# Random pictures are stored as they are and the sum over them is wrong; compressed ones cannot
# be decompressed at all.
@pytest.mark.parametrize("levels", [256, 3])
def test_damaged_array(tmp_path, levels):
    path = tmp_path / "own.npz"
    stored = arrays()
    stored["x_train"] = (stored["x_train"] % np.int64(levels)).astype("uint8")
    np.savez_compressed(path, **stored)
    content = bytearray(path.read_bytes())
    content[2000:2100] = bytes([255]) * 100
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"Cannot read the array 'x_train' of .*own\.npz"):
        capszoo.data.load(path)


def test_archive_of_something_else(tmp_path):
    np.savez(tmp_path / "own.npz", weights=np.zeros(3))
    with pytest.raises(ValueError, match=r"lacks x_train, y_train.*Received: weights"):
        capszoo.data.load(tmp_path / "own.npz")


def test_a_named_file_must_hold_the_named_set(tmp_path):
    np.savez(tmp_path / "mnist.npz", **arrays((32, 32, 3)))
    with pytest.raises(ValueError, match=r"'mnist' have the shape \(28, 28, 1\).*\(32, 32, 3\)"):
        capszoo.data.load("mnist", data_dir=tmp_path)
    np.savez(tmp_path / "mnist.npz", **arrays(classes=11))
    with pytest.raises(ValueError, match=r"from 0 to 9\. Received: 10 from .*mnist\.npz"):
        capszoo.data.load("mnist", data_dir=tmp_path)


def signal_arrays(**changes):
    random = np.random.default_rng(0)
    stored = {
        "x_train": random.normal(size=(60, 40, 2)),
        "y_train": np.arange(60) % 3,
        "x_test": random.normal(size=(9, 40, 2)),
        "y_test": np.arange(9) % 3,
    }
    return {**stored, **changes}


def test_signals(tmp_path):
    stored = signal_arrays()
    np.savez(tmp_path / "own.npz", **stored)
    signals, labels = capszoo.data.load(tmp_path / "own.npz", "test", kind="signals")
    assert signals.dtype == np.float32
    np.testing.assert_allclose(signals, stored["x_test"], rtol=1e-6)
    np.testing.assert_array_equal(labels, stored["y_test"])
    counts = [
        len(capszoo.data.load(tmp_path / "own.npz", split, kind="signals")[0])
        for split in ("train", "validation")
    ]
    assert counts == [54, 6]
    assert capszoo.data.example_shape(tmp_path / "own.npz", kind="signals") == (40, 2)
    np.savez(
        tmp_path / "one.npz", **signal_arrays(x_train=np.zeros((60, 40)), x_test=np.zeros((9, 40)))
    )
    assert capszoo.data.load(tmp_path / "one.npz", "test", kind="signals")[0].shape == (9, 40, 1)
    assert capszoo.data.class_names(tmp_path / "one.npz", kind="signals") == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_test": np.full((9, 40, 2), np.nan)}, "'x_test' .* NaN or infinite.* 9 signals"),
        ({"x_test": np.zeros((9, 30, 2))}, r"signals of .* must all have one shape.*\(30, 2\)"),
        ({"x_train": np.zeros((60, 40, 2, 1))}, r"\(n, length, channels\) or \(n, length\)"),
        ({"x_train": np.full((60, 40, 2), "a")}, "must hold numbers"),
    ],
)
def test_wrong_signals(changes, message, tmp_path):
    np.savez(tmp_path / "own.npz", **signal_arrays(**changes))
    with pytest.raises(ValueError, match=message):
        capszoo.data.load(tmp_path / "own.npz", "train", kind="signals")


def test_signals_are_no_folder(tmp_path):
    with pytest.raises(ValueError, match=r"Expected signals in an \.npz file"):
        capszoo.data.load(tmp_path, kind="signals")
    with pytest.raises(ValueError, match="argument `kind`: 'sounds'"):
        capszoo.data.load("digits", kind="sounds")
