"""The way through TensorFlow Datasets: its real builders, and missing packages."""

import importlib.util
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import capszoo.data


@pytest.fixture(autouse=True)
def no_local_files(monkeypatch):
    monkeypatch.delenv("CAPSZOO_DATA_DIR", raising=False)


class Builder:
    """Stands for a TFDS builder whose set is prepared, or is not."""

    def __init__(self, path, examples, prepared=True, file_format="array_record"):
        self.data_path = path / "set" / "1.0.0"
        if prepared:
            self.data_path.mkdir(parents=True)
        self.info = SimpleNamespace(file_format=SimpleNamespace(value=file_format))
        self.examples = examples
        self.parts = []

    def as_data_source(self, part):
        self.parts.append(part)
        examples = self.examples

        class Source(list):
            def __getitems__(self, rows):
                return [examples[row] for row in rows]

        return Source(examples)

    def download_and_prepare(self):
        raise OSError("the network is down")


@pytest.fixture
def use_builder(monkeypatch):
    """Makes `tfds.builder` return the given object and note what it was called with."""
    calls = []

    def use(builder):
        def get(name, **kwargs):
            calls.append((name, kwargs))
            return builder

        tfds = SimpleNamespace(builder=get)
        monkeypatch.setitem(sys.modules, "tensorflow_datasets", tfds)
        return calls

    spec = importlib.util.find_spec

    def pretend_array_record(name, *args):
        return object() if name == "array_record" else spec(name, *args)

    monkeypatch.setattr(importlib.util, "find_spec", pretend_array_record)
    return use


def norb_examples(count):
    random = np.random.default_rng(0)
    return [
        {
            "image": random.integers(0, 256, (96, 96, 1), dtype="uint8"),
            "image2": random.integers(0, 256, (96, 96, 1), dtype="uint8"),
            "label_category": np.int64(row % 5),
            "instance": np.int64([4, 6, 7, 8, 9][row // 5 % 5]),
            "label_elevation": np.int64(row % 9),
            "label_azimuth": np.int64(row % 18),
        }
        for row in range(count)
    ]


def test_smallnorb_is_halved_and_stacked(tmp_path, use_builder):
    examples = norb_examples(50)
    builder = Builder(tmp_path, examples)
    use_builder(builder)
    images, labels = capszoo.data.load("smallnorb", "test", tmp_path)
    assert images.shape == (50, 48, 48, 2)
    assert images.dtype == np.uint8
    for row, camera in ((0, "image"), (7, "image2")):
        pixels = examples[row][camera][..., 0].astype(float)
        block = pixels[20:22, 30:32].mean()
        channel = ["image", "image2"].index(camera)
        assert images[row, 10, 15, channel] == np.floor(block + 0.5)
    assert labels.tolist() == [row % 5 for row in range(50)]
    assert builder.parts == ["test"]


def test_smallnorb_holds_out_one_toy_per_category(tmp_path, use_builder):
    use_builder(Builder(tmp_path, norb_examples(50)))
    _, train = capszoo.data.load("smallnorb", "train", tmp_path)
    _, validation = capszoo.data.load("smallnorb", "validation", tmp_path)
    assert np.bincount(train).tolist() == [8] * 5
    assert np.bincount(validation).tolist() == [2] * 5


def test_more_examples_than_one_batch(tmp_path, use_builder, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "sets").mkdir()
    examples = [
        {"image": np.full((28, 28, 1), row % 251, "uint8"), "label": np.int64(row % 10)}
        for row in range(2345)
    ]
    calls = use_builder(Builder(tmp_path, examples))
    images, labels = capszoo.data.load("mnist", "test", "~/sets")
    assert images[:, 0, 0, 0].tolist() == [row % 251 for row in range(2345)]
    assert labels.tolist() == [row % 10 for row in range(2345)]
    (name, kwargs), *others = calls
    assert name == "mnist"
    assert kwargs["data_dir"] == str(tmp_path / "sets")
    assert not others


def test_svhn_goes_by_its_own_name(tmp_path, use_builder):
    examples = [{"image": np.zeros((32, 32, 3), "uint8"), "label": np.int64(1)}] * 5
    builder = Builder(tmp_path, examples)
    calls = use_builder(builder)
    assert capszoo.data.load("svhn", "train")[0].shape == (4, 32, 32, 3)
    assert calls == [("svhn_cropped", {"data_dir": None})]
    assert builder.parts == ["train"]


def test_failed_download_says_both_ways(tmp_path, use_builder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(__spec__=object()))
    calls = use_builder(Builder(tmp_path, [], prepared=False))
    with pytest.raises(RuntimeError, match=r"the network is down[\s\S]*mnist\.npz.*CAPSZOO_DATA"):
        capszoo.data.load("mnist", data_dir=tmp_path)
    assert calls[-1][1]["file_format"] == "array_record"


def test_without_tfds_both_ways_are_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r'pip install "capszoo\[data\]".*mnist\.npz.*data_dir'):
        capszoo.data.load("mnist", data_dir=tmp_path)


def test_preparing_without_tensorflow_says_both_ways(tmp_path, use_builder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    use_builder(Builder(tmp_path, [], prepared=False))
    with pytest.raises(ImportError, match=r"not yet prepared.*capszoo\[data\].*svhn\.npz"):
        capszoo.data.load("svhn")


def test_smallnorb_viewpoints_are_the_official_ones(tmp_path, use_builder):
    examples = norb_examples(90)
    use_builder(Builder(tmp_path, examples))
    chosen = {"split": "test", "data_dir": tmp_path}
    novel, _ = capszoo.data.load("smallnorb", viewpoints="novel_azimuths", **chosen)
    # TensorFlow Datasets counts azimuths in steps of 20 degrees; 300 to 40 are familiar.
    expected = [row for row in range(90) if 20 * examples[row]["label_azimuth"] in range(60, 300)]
    assert len(novel) == len(expected) == 60
    familiar, _ = capszoo.data.load("smallnorb", viewpoints="familiar_elevations", **chosen)
    assert len(familiar) == sum(example["label_elevation"] < 3 for example in examples)


def test_tfrecord_without_tensorflow_says_both_ways(tmp_path, use_builder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    use_builder(Builder(tmp_path, [], file_format="tfrecord"))
    with pytest.raises(ImportError, match=r"as tfrecord, which only TensorFlow.*mnist\.npz"):
        capszoo.data.load("mnist")


TFDS_NAMES = {
    "mnist": "mnist",
    "fashion_mnist": "fashion_mnist",
    "cifar10": "cifar10",
    "smallnorb": "smallnorb",
    "svhn": "svhn_cropped",
}


def draw(features, count):
    """Makes examples with the features that TFDS' own builder declares."""
    import tensorflow_datasets as tfds

    random = np.random.default_rng(0)
    examples = [{} for _ in range(count)]
    for key, feature in features.items():
        for row, example in enumerate(examples):
            if isinstance(feature, tfds.features.Image):
                example[key] = random.integers(0, 256, feature.shape, dtype="uint8")
            elif isinstance(feature, tfds.features.ClassLabel):
                # A mixed radix, so that every toy number comes with every category.
                example[key] = (row // 5 if key == "instance" else row) % feature.num_classes
            else:
                example[key] = f"{row}"
    return examples


@pytest.fixture(params=TFDS_NAMES)
def real_builder(request, tmp_path, monkeypatch):
    """Gives a set's name and the examples that TFDS' own builder "downloads" in this test."""
    tfds = pytest.importorskip("tensorflow_datasets", reason="tensorflow_datasets is missing")
    pytest.importorskip("tensorflow", reason="TensorFlow prepares the sets")
    builder = tfds.builder(TFDS_NAMES[request.param], data_dir=tmp_path / "unused")
    examples = draw(builder.info.features, 300)
    parts = {"train": enumerate(examples), "test": enumerate(examples[:50])}
    monkeypatch.setattr(type(builder), "_split_generators", lambda *_, **__: parts)
    return request.param, examples


def check_splits(name, examples, data_dir):
    classes = len(capszoo.data.class_names(name))
    images, labels = capszoo.data.load(name, "test", data_dir)
    assert len(images) == 50
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
    assert set(labels) == set(range(classes))
    if name != "smallnorb":
        expected = {(e["image"].tobytes(), e["label"]) for e in examples[:50]}
        seen = {(x.tobytes(), y) for x, y in zip(images, labels.tolist(), strict=True)}
        assert seen == expected
    train, _ = capszoo.data.load(name, "train", data_dir)
    validation, _ = capszoo.data.load(name, "validation", data_dir)
    # smallNORB has ten toys per category here, and one of them is held out.
    assert (len(train), len(validation)) == (270, 30)
    assert len({image.tobytes() for image in [*train, *validation]}) == 300


def test_prepares_array_record_and_then_reads_it_without_tensorflow(
    real_builder, tmp_path, monkeypatch
):
    name, examples = real_builder
    capszoo.data.load(name, "test", tmp_path)
    assert list(tmp_path.glob("*/*/*test.array_record*"))
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    check_splits(name, examples, tmp_path)


def test_reads_what_was_prepared_as_tfrecord(real_builder, tmp_path):
    import tensorflow_datasets as tfds

    name, examples = real_builder
    tfds.builder(TFDS_NAMES[name], data_dir=tmp_path).download_and_prepare()
    assert list(tmp_path.glob("*/*/*test.tfrecord*"))
    check_splits(name, examples, tmp_path)
