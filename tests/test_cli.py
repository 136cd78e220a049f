"""The command line: what it prints, where, and with which exit code."""

import csv
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml
from PIL import Image

import capszoo
from tests.once import ONCE
from tests.zoo.local_server import running
from tests.zoo.tiny import tiny_model
from tests.zoo.tiny import write_tiny
from tests.zoo.tiny import write_toy

# Keras itself, saving weights on JAX with NumPy 2.
pytestmark = [
    ONCE,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

ROOT = pathlib.Path(capszoo.__file__).resolve().parents[1]
COMMANDS = (
    "list",
    "show",
    "download",
    "train",
    "evaluate",
    "predict",
    "tune",
    "convert",
    "export",
)


@pytest.fixture
def refused(run):
    """Runs a command that must end with exit code 2, one message and no output."""

    def refused(*arguments):
        code, out, err = run(*arguments)
        assert code == 2, out + err
        assert out == ""
        assert "Traceback" not in err
        return " ".join(err.split())

    return refused


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def toy(folder):
    return write_toy(folder)


@pytest.fixture(scope="module")
def trained(folder, toy):
    capszoo.training.train(toy, epochs=1, output=folder / "trained", verbose=0)
    return folder / "trained"


@pytest.fixture(scope="module")
def picture(folder):
    """A dark digit on white paper, of an odd size, in colour."""
    images, _ = capszoo.data.load("digits")
    digit = 255 - images[0, :, :, 0]
    Image.fromarray(digit).convert("RGB").resize((37, 53)).save(folder / "digit.png")
    return folder / "digit.png"


def test_list(run):
    code, out, _ = run("list")
    assert code == 0
    assert "capsnet_digits" in out
    assert "capsnet_mnist" in out
    code, out, _ = run("list", "*fashion*")
    assert "capsnet_fashion_mnist" in out
    assert "capsnet_digits" not in out
    assert run("list", "nothing*")[1].strip() == "No preset is named like 'nothing*'."


def test_list_json(run):
    code, out, err = run("list", "--json", "capsnet_*")
    presets = json.loads(out)
    assert [preset["name"] for preset in presets] == capszoo.list_presets("capsnet_*")
    assert presets[0]["results"] is None or "test_accuracy" in presets[0]["results"]
    assert (code, err) == (0, "")
    assert presets[0]["load_by"] == "capsnet_digits"
    assert presets[0]["weights_here"] == "yes"


def test_list_filters(run, refused):
    def names(*arguments):
        return {preset["name"] for preset in json.loads(run("list", "--json", *arguments)[1])}

    every = {name: capszoo.zoo.read_preset(name) for name in capszoo.list_presets()}
    trained = {name for name, preset in every.items() if preset.is_trained}
    assert names("--trained") == trained < set(every)
    family = {name for name, preset in every.items() if preset.family == "em_capsnet"}
    assert names("--family", "em_capsnet") == family < set(every)
    digits = {name for name, preset in every.items() if preset.data.name == "digits"}
    assert names("--data", "digits") == digits < set(every)
    assert names("em*", "--data", "digits", "--trained") == {"em_capsnet_digits"}
    out = run("list", "em*", "--family", "capsnet")[1].strip()
    assert out == "No preset is named like 'em*' and fits the options."
    assert "Unknown family 'capsnett'. Did you mean 'capsnet'" in refused(
        "list", "--family", "capsnett"
    )


def test_list_shows_size_and_error(run):
    line = next(one for one in run("list")[1].splitlines() if " capsnet_digits " in one)
    preset = capszoo.zoo.read_preset("capsnet_digits")
    accuracy, images = preset.results.test_accuracy, preset.results.test_images
    error = (accuracy * (1 - accuracy) / images) ** 0.5
    assert f"{100 * accuracy:.2f} ± {100 * error:.2f} %" in line
    assert f"{preset.weights.size / 1e6:.1f} MB" in line
    assert " yes " in line


def test_download(run, refused, tmp_path):
    tiny_model(name="far").save_to_preset(tmp_path / "far")
    with running() as server:
        address = server.serve(tmp_path / "far", "/far")
        code, out, err = run("download", "capsnet_digits", "capsnet_mnist_paper", address)
        assert code == 0, err
        digits, mnist, far = out.splitlines()
        assert digits.startswith("capsnet_digits: already here (")
        assert mnist.startswith("capsnet_mnist_paper: has no weights to download; `capszoo train ")
        assert far.startswith(f"{address}: downloaded ({tmp_path / '.home' / 'presets' / 'far-'}")
        count = len(server.requests)
        message = refused("download", server.url + "/nowhere")
        assert f"Could not download {server.url}/nowhere/preset.yaml: the server ans" in message
    # The server is gone.
    assert count == 2
    assert run("download", address)[1].startswith(f"{address}: already here (")
    assert yaml.safe_load(run("show", address)[1])["name"] == "far"
    listed = json.loads(run("list", "far", "--json")[1])
    assert [(one["load_by"], one["weights_here"]) for one in listed] == [(address, "downloaded")]
    assert "downloaded" in run("list", "--trained")[1]


def test_show(run):
    code, out, _ = run("show", "capsnet_mnist_paper")
    assert code == 0
    assert yaml.safe_load(out)["training"]["epochs"] == 356
    assert json.loads(run("show", "capsnet_mnist_paper", "--json")[1]) == yaml.safe_load(out)


def test_version(run):
    assert run("--version")[:2] == (0, f"{capszoo.__version__}\n")


@pytest.mark.parametrize("command", [(), *[(name,) for name in COMMANDS]])
def test_help(command, run):
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert "Usage: capszoo" in out
    assert run(*command, "-h")[1] == out
    if not command:
        assert all(name in out for name in COMMANDS)


def test_announced_backend(run, monkeypatch):
    monkeypatch.setattr(capszoo.backend, "unasked", "jax")
    _, out, err = run("list", "--json")
    json.loads(out)
    assert err.strip() == "Using the jax backend; KERAS_BACKEND chooses another."
    monkeypatch.setattr(capszoo.backend, "unasked", None)
    assert "Using the" not in run("list", "--json")[2]


def test_train_and_evaluate(run, toy, tmp_path):
    change = "training.optimizer={Adam: {learning_rate: 0.03}}"
    code, out, err = run(
        *("train", toy, "--epochs", 1, "--seed", 4, "--output", "mine"),
        *("--set", change, "--set", "training.batch_size=80", "--json"),
    )
    assert code == 0, err
    report = json.loads(out)
    assert (report["epochs"], report["seed"], report["folder"]) == (1, 4, "mine")
    assert report["command"].startswith("capszoo train ")
    assert f"--set '{change}'" in report["command"]
    preset = capszoo.zoo.read_preset(tmp_path / "mine")
    assert preset.training.batch_size == 80
    assert preset.training.optimizer == {"Adam": {"learning_rate": 0.03}}

    code, out, _ = run("evaluate", "mine", "--json")
    measured = json.loads(out)
    assert code == 0
    assert measured["accuracy"] == pytest.approx(report["test_accuracy"], abs=1e-6)
    assert measured["agrees"] is True

    # The same again, in words.
    code, out, _ = run(
        "train",
        toy,
        "--epochs",
        1,
        "--seed",
        4,
        "--output",
        "mine",
        "--resume",
        "--set",
        change,
        "--set",
        "training.batch_size=80",
    )
    assert code == 0
    assert f"{100 * report['test_accuracy']:.2f} % of 40 images" in out
    assert "1 of 1" in out
    code, out, _ = run("evaluate", "mine", "--split", "test")
    assert code == 0
    assert "of 40 test images" in out
    assert "agrees" in out


def test_predict(run, trained, picture):
    code, out, err = run("predict", trained, picture, picture, "--top", 4, "--invert", "--json")
    assert code == 0, err
    first, second = json.loads(out)
    assert first == second
    assert first["image"] == str(picture)
    assert len(first["classes"]) == 4
    names, scores = zip(*first["classes"], strict=True)
    assert set(names) < set("0123456789")
    assert list(scores) == sorted(scores, reverse=True)
    assert min(scores) >= 0
    assert max(scores) <= 1
    # The same as without the command line, on the picture turned to bright on dark.
    model = capszoo.load(trained)
    image = 255 - capszoo.data.read_image(picture, (8, 8, 1))
    expected = model.predict(image[None], verbose=0)[0]
    assert names[0] == str(expected.argmax())
    assert scores[0] == pytest.approx(expected.max(), abs=1e-3)

    upright = json.loads(run("predict", trained, picture, "--top", 4, "--json")[1])
    assert upright[0]["classes"] != first["classes"]
    code, out, _ = run("predict", trained, picture, "--invert")
    assert code == 0
    assert f"{names[0]}  {scores[0]:.3f}" in out
    assert (
        len(json.loads(run("predict", trained, picture, "--top", 99, "--json")[1])[0]["classes"])
        == 10
    )


def test_predict_folder(run, refused, trained, picture, tmp_path):
    """Folders in folders, to a file; what is no picture is left out, and named if called one."""
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    for path in ("a.png", "deep/b.tif"):
        Image.open(picture).save(tmp_path / "photos" / path)
    (tmp_path / "photos" / "notes.txt").write_text("x")
    (tmp_path / "photos" / "broken.jpg").write_text("x")
    code, out, err = run("predict", trained, "photos", picture, "--output", "found.csv")
    assert (code, out) == (0, "")
    assert "Left out: Cannot read photos/broken.jpg as a picture" in err
    assert "notes.txt" not in err
    with open(tmp_path / "found.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == ["photos/a.png", "photos/deep/b.tif", str(picture)]
    model = capszoo.load(trained)
    image = capszoo.data.read_image(picture, (8, 8, 1))
    expected = model.predict(image[None], verbose=0)[0]
    for row in rows:
        scores = [float(row[f"score of {number}"]) for number in range(10)]
        np.testing.assert_allclose(scores, expected, atol=1e-4)
        assert row["class"] == str(expected.argmax())
        assert float(row["score"]) == max(scores)
    assert "in a folder that exists: no/where.csv" in refused(
        "predict", trained, "photos", "--output", "no/where.csv"
    )


def test_train_a_family_on_data(run, folder, tmp_path):
    words = ("train", "cluster_capsnet", "--data", folder / "toy.npz", "--epochs", 1)
    code, out, err = run(*words, "--set", "training.batch_size=40", "--output", "mine", "--json")
    assert code == 0, err
    assert f"--data {folder / 'toy.npz'}" in json.loads(out)["command"]
    preset = capszoo.zoo.read_preset(tmp_path / "mine")
    assert (preset.name, preset.model["num_classes"]) == ("cluster_capsnet", 10)
    code, out, _ = run("evaluate", "mine", "--json")
    assert json.loads(out)["golden_difference"] <= 1e-4


def test_unknown_preset(refused):
    for command in (["show"], ["train"], ["evaluate"], ["predict", "x.png"]):
        name, *rest = command
        message = refused(name, "capsnet_digit", *rest)
        assert message.startswith("Error: Unknown preset 'capsnet_digit'. Did you mean 'capsnet_d")


def test_unknown_option_and_command(refused):
    assert "No such option" in refused("train", "capsnet_digits", "--epoch", 3)
    assert "No such command" in refused("trains")
    assert "Invalid value" in refused("train", "capsnet_digits", "--epochs", "many")
    assert "Missing argument" in refused("predict", "capsnet_digits")
    assert "Invalid value" in refused("predict", "capsnet_digits", "x.png", "--top", 0)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.batch_size", "Expected --set KEY=VALUE. Received: --set training.batch_size"),
        ("=3", "Expected --set KEY=VALUE. Received: --set =3"),
        ("model.decoder=[8", "The value of --set model.decoder=[8 is not YAML."),
        ("training.batchsize=8", "Unknown key 'batchsize'. Did you mean 'batch_size'"),
        ("training.batch_size=many", "training.batch_size: Input should be a valid integer"),
        ("training.epochs=0", "training.epochs: Input should be greater than or equal to 1"),
        ("data.name=digit", "Unknown data set 'digit'. Did you mean 'digits'"),
    ],
)
def test_bad_setting(setting, message, refused, tmp_path):
    assert message in refused("train", write_tiny(tmp_path), "--set", setting, "--output", "out")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_existing_and_unwritable_output(refused, toy, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("mine")
    assert "'there' is not empty" in refused("train", toy, "--output", "there")
    assert "There is no run to resume" in refused("train", toy, "--output", "there", "--resume")
    assert "mine.txt/run" in refused("train", toy, "--output", "there/mine.txt/run")
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--workers", 0), "argument `workers`, expected a positive integer. Received: workers=0"),
        (
            ("--seed", -5),
            "argument `seed`, expected an integer from 0 to 4294967295. Received: seed=-5",
        ),
    ],
)
def test_numbers_that_no_search_can_have(option, message, refused, tmp_path):
    arguments = ("tune", "capsnet", "--data", "digits", "--output", tmp_path / "search")
    assert message in refused(*arguments, *option)
    assert not (tmp_path / "search").exists()


def test_a_folder_of_data_that_is_not_there(refused, tmp_path):
    asked = ("train", "capsnet_mnist", "--data-dir", tmp_path / "misspelt")
    assert f"There is no folder '{tmp_path / 'misspelt'}'" in refused(*asked)
    assert not (tmp_path / "misspelt").exists()


def test_a_run_that_fails_at_once_leaves_its_folder_free(run, refused, toy, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no memory for a batch")

    with monkeypatch.context() as patched:
        patched.setattr(capszoo.models.CapsuleModel, "fit", fail)
        said = refused("train", toy, "--epochs", 1, "--output", tmp_path / "run")
        assert "no memory for a batch" in said
    changed = ("--set", "training.batch_size=20")
    code, out, err = run("train", toy, "--epochs", 1, "--output", tmp_path / "run", *changed)
    assert code == 0, err
    assert "\x1b" not in out


def test_measurements_are_not_lost_for_want_of_a_place(run, refused, tmp_path, monkeypatch):
    def measure(*_, **__):
        raise AssertionError("it was measured")

    monkeypatch.setattr(capszoo.benchmarks, "benchmark", measure)
    if os.path.isdir("/proc/self"):
        assert "nowhere.csv" in refused("benchmark", "routing", "--csv", "/proc/nowhere.csv")

    def write(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(capszoo.benchmarks, "benchmark", lambda *_, **__: [])
    monkeypatch.setattr(capszoo.benchmarks, "write_csv", write)
    code, out, err = run("benchmark", "routing", "--csv", tmp_path / "a.csv")
    assert (code, "samples/s" in out, "the disk is full" in err) == (2, True, True)
    assert not (tmp_path / "a.csv").exists()


def test_untrained_preset(refused, toy, picture):
    for command in (["evaluate", toy], ["predict", toy, picture]):
        assert "Preset 'tiny' has no trained weights yet." in refused(*command)


def test_data_that_is_not_there(refused, toy):
    message = refused("train", toy, "--set", "data.name=./nowhere.npz", "--output", "out")
    assert "There is no file or folder at nowhere.npz" in message


def test_data_set_that_cannot_be_downloaded(refused, toy, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("TensorFlow Datasets could not prepare 'mnist'")

    monkeypatch.setattr(capszoo.data, "load", fail)
    assert "Error: TensorFlow Datasets could not" in refused("train", toy, "--output", "out")


def test_unreadable_images(refused, trained, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    assert "Cannot read text.png as a picture" in refused("predict", trained, "text.png")
    assert "no picture file at missing.png" in refused("predict", trained, "missing.png")
    assert "no picture file at" in refused("predict", trained, tmp_path)


def test_images_of_a_model_with_two_channels(refused, tmp_path):
    tiny_model(image_shape=(8, 8, 2)).save_to_preset(tmp_path / "stereo")
    Image.fromarray(np.zeros((8, 8), "uint8")).save(tmp_path / "dark.png")
    assert "1 channel (grayscale) or 3 (RGB)" in refused("predict", "./stereo", "dark.png")


def test_colour_model(run, tmp_path):
    tiny_model(image_shape=(8, 8, 3)).save_to_preset(tmp_path / "colour")
    Image.fromarray(np.full((9, 5), 80, "uint8")).save(tmp_path / "gray.png")
    assert run("predict", "./colour", "gray.png", "--json")[0] == 0


def test_traceback_on_request(run, monkeypatch):
    monkeypatch.setenv("CAPSZOO_TRACEBACK", "1")
    with pytest.raises(ValueError, match="Unknown preset"):
        run("show", "nothing")


# The real command, in a process of its own.


def command(*arguments, **environment):
    return dict(
        args=[sys.executable, "-m", "capszoo", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        text=True,
    )


def test_process():
    done = subprocess.run(**command("list", "--json"), capture_output=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert [preset["name"] for preset in json.loads(done.stdout)] == capszoo.list_presets()
    assert "Using the" not in done.stderr


def test_list_where_the_terminal_shows_ascii_alone():
    listing = command("list", PYTHONIOENCODING="ascii")
    done = subprocess.run(**listing, capture_output=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "capsnet_digits" in done.stdout


def test_list_that_nobody_reads():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(**command("list"), stdout=writing, stderr=subprocess.PIPE, timeout=200)
    os.close(writing)
    assert done.returncode == 1
    # TensorFlow greets whoever imports it.
    assert "Traceback" not in done.stderr
    assert "Broken pipe" not in done.stderr


def test_names_are_printed_as_they_are(run, tmp_path, trained):
    shutil.copytree(trained, tmp_path / "x[red]y")
    code, out, err = run("evaluate", tmp_path / "x[red]y")
    assert code == 0, err
    refusal = run("show", tmp_path / "[/nothing]")
    assert "[/nothing]" in refusal[2]
    content = yaml.safe_load((trained / "preset.yaml").read_text())
    content["data"]["class_names"] = ["\x1b[2Jcat", *map(str, range(9))]
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(content))
    code, out, err = run("show", tmp_path / "odd.yaml")
    assert (code, out) == (2, "")
    assert "data.class_names.0: expected printable text" in err
    assert "\x1b" not in err


def test_list_passes_over_what_is_no_preset(run, tmp_path, monkeypatch):
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "nowhere.yaml").symlink_to(tmp_path / "gone")
    (tmp_path / ".saved-1234").mkdir()
    (tmp_path / ".saved-1234" / "preset.yaml").write_text("name: half")
    (tmp_path / "deep.yaml").write_text("[" * 10_000)
    (tmp_path / "bytes.yaml").write_bytes(bytes(range(256)))
    monkeypatch.setenv("CAPSZOO_PRESETS", str(tmp_path))
    code, out, err = run("list", "--json")
    assert code == 0
    assert {preset["name"] for preset in json.loads(out)} == set(capszoo.list_presets()) - {
        "deep",
        "bytes",
    }
    assert sorted(line.partition(":")[0] for line in err.splitlines() if "Left out" in line) == [
        "Left out",
        "Left out",
    ]


@pytest.mark.parametrize(
    ("number", "file"),
    [(signal.SIGTERM, None), (signal.SIGINT, "state.json")],
    ids=["importing", "training"],
)
def test_interrupted(number, file, toy, tmp_path):
    """At any moment: one word, no traceback, its own exit code, and the run can go on."""
    # A shell lets its background jobs ignore Ctrl-C, and their children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        **command("train", toy, "--epochs", 10_000, "--output", tmp_path / "run", "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    signal.signal(signal.SIGINT, before)
    try:
        until = time.monotonic() + 200
        while file is not None and not (tmp_path / "run" / file).exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.05)
        if file is None:
            time.sleep(0.7)
        process.send_signal(number)
        out, err = process.communicate(timeout=15)
    finally:
        process.kill()
    assert process.returncode == 128 + number
    assert out == ""
    assert err.endswith("Aborted.\n")
    assert "Traceback" not in err
    if file is not None:
        assert json.loads((tmp_path / "run" / "state.json").read_text())["history"]
