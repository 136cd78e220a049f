"""What is trained where a preset or family is given data, or settings, that are not its own."""

import numpy as np
import pytest
from PIL import Image

import capszoo
from capszoo.training.request import resolve
from capszoo.zoo.figures import unit_of
from tests.data.test_image_folder import draw
from tests.once import ONCE
from tests.zoo.tiny import tiny_content
from tests.zoo.tiny import write_toy

# Keras itself, saving weights on JAX with NumPy 2.
pytestmark = [
    ONCE,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture
def own(tmp_path):
    """Pictures 8x8 in gray, of three classes."""
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), dtype="uint8")
    labels = np.arange(60) % 3
    path = tmp_path / "own.npz"
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    return str(path)


def described(**changes):
    content = tiny_content(
        description="A CapsNet on digits",
        published={"test_accuracy": 0.95, "source": "a paper"},
        golden={"scores": [[0.5] * 10] * 3},
        **changes,
    )
    return capszoo.zoo.schema.validate(content, "here")


@pytest.mark.parametrize(
    ("changes", "keeps"),
    [
        ({}, True),
        ({"training.epochs": 1}, True),
        ({"data.augmentation": [{"RandomRotation": {"factor": 0.1}}]}, True),
        ({"model.conv_filters": 3}, False),
        ({"data.resize": [8, 8]}, False),
        ({"data.name": "mnist"}, False),
    ],
)
def test_what_describes_others_goes(changes, keeps):
    found, _ = resolve(described(), changes)
    assert found.golden is None
    assert (found.published is not None, found.description != "") == (keeps, keeps)


def test_a_description_of_ones_own_stays(own):
    found, _ = resolve(described(), {"data.name": own, "description": "Mine"})
    assert (found.description, found.published) == ("Mine", None)


@pytest.mark.parametrize("name", capszoo.list_presets())
def test_a_preset_as_it_is_stays_as_it_is(name):
    preset = capszoo.zoo.read_preset(name)
    if preset.members:
        with pytest.raises(ValueError, match="no `training` section"):
            resolve(name, {})
        return
    found, taken = resolve(name, {})
    assert taken == {}
    measured = {"results", "weights", "golden", "learnt"}
    assert found.model_dump(exclude=measured) == preset.model_dump(exclude=measured)
    assert {getattr(found, name) for name in measured} == {None}


@pytest.mark.parametrize("family", ["capsnet", "cluster_capsnet", "efficient_capsnet"])
def test_sizes_come_from_the_data(family, own):
    for target in (family, f"{family}_digits"):
        found, taken = resolve(target, {"data.name": own})
        assert taken == {"model.num_classes": 3, "model.image_shape": [8, 8, 1]}
        assert found.model["num_classes"] == 3
    # The steps were those of the digits: without a number the rate falls until the end.
    assert list(found.training.optimizer["Adam"]["learning_rate"]["CosineDecay"]) == [
        "initial_learning_rate"
    ]
    found, taken = resolve(family, {"data.name": own, "model.num_classes": 7})
    assert taken == {"model.image_shape": [8, 8, 1]}
    assert (found.model["num_classes"], found.data.class_names) == (7, None)


def test_photos_of_many_sizes_are_resized(tmp_path):
    draw(tmp_path / "own", classes=("a",), size=(300, 200), mode="RGB", count=3)
    draw(tmp_path / "own", classes=("b",), size=(40, 90), count=3)
    found, _ = resolve("capsnet", {"data.name": str(tmp_path / "own")})
    assert found.model["image_shape"] == [32, 32, 3]
    assert found.data.resize == [32, 32]
    assert found.data.class_names == ["a", "b"]
    draw(tmp_path / "wide", size=(40, 80), count=3)
    found, _ = resolve("capsnet_mnist", {"data.name": str(tmp_path / "wide")})
    assert (found.model["image_shape"], found.data.resize) == ([14, 28, 1], [14, 28])


@pytest.mark.parametrize("data", [{"crop": [8, 6]}, {"resize": [8, 6]}])
@pytest.mark.parametrize("image_shape", [None, (8, 6, 3)])
def test_photos_of_many_sizes_come_in_the_size_named(data, image_shape, tmp_path):
    draw(tmp_path / "own", classes=("a",), size=(30, 20), mode="RGB", count=3)
    draw(tmp_path / "own", classes=("b",), size=(9, 12), mode="RGB", count=3)
    for prepared in (True, False):
        images, _ = capszoo.models.inputs.ImageInput.load(
            {"name": str(tmp_path / "own"), **data}, "train", None, image_shape, prepared
        )
        assert images.shape == (2, 8, 6, 3)
    # Those of one size are cropped, as they always were.
    draw(tmp_path / "even", size=(10, 12), mode="RGB", count=3)
    images, _ = capszoo.models.inputs.ImageInput.load(
        {"name": str(tmp_path / "even"), **data}, "test", None, image_shape, True
    )
    assert images.shape == (3, 8, 6, 3)
    if "crop" in data:
        tests = [image.tobytes() for image in images]
        files = [np.asarray(Image.open(path)) for path in (tmp_path / "even").rglob("*.png")]
        assert sum(file[1:9, 3:9].tobytes() in tests for file in files) == 3


def test_names_and_options_are_those_of_the_data(tmp_path):
    draw(tmp_path / "other", classes=("x", "y"), size=(8, 8), count=3)
    preset = described(data={"name": "digits", "class_names": [f"digit {n}" for n in range(10)]})
    found, _ = resolve(preset, {"data.name": str(tmp_path / "other")})
    assert found.data.class_names == ["x", "y"]
    found, _ = resolve("cluster_capsnet_smallnorb", {"data.name": "cifar10"})
    assert found.model["image_shape"] == [32, 32, 3]
    assert "hold_out" not in found.data.model_dump()


def test_a_range_of_numbers_travels_with_the_preset(own, tmp_path):
    with np.load(own) as file:
        stored = {name: file[name] / 255 if name[0] == "x" else file[name] for name in file.files}
    np.savez(tmp_path / "floats.npz", **stored)
    preset, taken = resolve(
        "capsnet", {"data.name": str(tmp_path / "floats.npz"), "data.value_range": (0, 1)}
    )
    assert taken["model.num_classes"] == 3
    images, _ = capszoo.models.inputs.ImageInput.load(preset.data.model_dump(), "test")
    np.testing.assert_array_equal(images, capszoo.data.load(own, "test")[0])
    # And not to other data.
    assert resolve(preset, {"data.name": own})[0].data.value_range is None


def test_refused_before_any_work(tmp_path, own):
    draw(tmp_path / "own", size=(8, 8), count=3)
    with pytest.raises(ValueError, match="class_names holds 3 names for 9 classes"):
        resolve("capsnet_digits", {"data.name": str(tmp_path / "own"), "model.num_classes": 9})
    with pytest.raises(ValueError, match=r"'capsnet' cannot be trained .*no `data` section"):
        resolve("capsnet", {})
    with pytest.raises(ValueError, match="Did you mean 'capsnet'"):
        resolve("capsnett", {"data.name": own})


def test_test_pictures_are_checked_before_the_training(tmp_path, monkeypatch):
    for split in ("train", "validation", "test"):
        draw(tmp_path / "own" / split, size=(8, 8), count=2)
    (tmp_path / "own" / "test" / "dog" / "000.png").write_text("no picture")
    monkeypatch.setattr(
        capszoo.models.CapsNet, "fit", lambda *_, **__: pytest.fail("training has begun")
    )
    settings = {"model.image_shape": [8, 8, 1]}
    with pytest.raises(ValueError, match=r"Cannot read .*000\.png"):
        capszoo.training.train(
            "capsnet_digits",
            data=tmp_path / "own",
            settings=settings,
            output=tmp_path / "run",
            verbose=0,
        )
    assert list((tmp_path / "run").iterdir()) == []


def test_a_run_on_photos_loads_and_agrees(tmp_path, capsys):
    """Photos of two sizes, by a preset with a golden record, a figure and a name of others."""
    draw(tmp_path / "own", classes=("a",), size=(20, 16), mode="RGB", count=4)
    draw(tmp_path / "own", classes=("b",), size=(9, 12), mode="RGB", count=4)
    preset = capszoo.zoo.read_preset(
        write_toy(tmp_path, published=described().published.model_dump())
    )
    report = capszoo.training.train(
        preset, data=tmp_path / "own", epochs=1, output=tmp_path / "run", verbose=2
    )
    assert "model.num_classes=2, data.resize=[8, 8], model.image_shape=[8, 8, 3]" in (
        capsys.readouterr().out
    )
    found = capszoo.zoo.read_preset(tmp_path / "run")
    assert (found.published, found.description, found.data.class_names) == (None, "", ["a", "b"])
    assert np.shape(found.golden.scores) == (3, 2)
    measured = capszoo.training.evaluate(tmp_path / "run", verbose=0)
    assert measured["golden_difference"] <= 1e-4
    assert measured["accuracy"] == pytest.approx(report["test_accuracy"])
    assert measured[unit_of(found)] == 2
    photo = np.asarray(Image.open(tmp_path / "own" / "a" / "000.png"))
    assert capszoo.load(tmp_path / "run").predict(photo[None], verbose=0).shape == (1, 2)


def test_a_golden_record_of_another_model(tmp_path):
    model = capszoo.models.CapsNet(**{**tiny_content()["model"], "num_classes": 2})
    with pytest.raises(ValueError, match=r"shape \(3, 2\).*\(3, 10\)"):
        capszoo.zoo.golden.difference(model, described().golden)


@pytest.mark.parametrize("fold", [3, "3"])
def test_a_fold_is_a_number_or_its_digit(fold):
    assert resolve("capsgnn_nci1", {"data.fold": fold})[0].data.fold == "3"


@pytest.mark.parametrize("fold", [10, True, 3.0])
def test_no_fold(fold):
    with pytest.raises(ValueError, match=r"data\.fold: Input should be '0'"):
        resolve("capsgnn_nci1", {"data.fold": fold})
