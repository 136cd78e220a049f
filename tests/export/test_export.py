"""Exports, run by their own runtimes on real pictures and held against the model."""

import importlib.util
import io
import json
import pathlib
import re
import threading
from http.server import HTTPServer

import keras
import numpy as np
import pytest
import requests
from PIL import Image

import capszoo
from capszoo.export import Exported
from capszoo.export import forms
from capszoo.models.registry import FAMILIES
from tests.models.test_families import SMALL
from tests.once import ONCE
from tests.zoo.tiny import tiny_model

GUIDE = pathlib.Path(__file__).parents[2] / "docs" / "export.md"
IS_TENSORFLOW = keras.backend.backend() == "tensorflow"
NEEDED = {
    ".onnx": ("tf2onnx", "onnxruntime"),
    ".savedmodel": (),
    ".tflite": ("ai_edge_litert",),
}


def lacking(*names):
    names = ("tensorflow", *names)
    return [name for name in names if importlib.util.find_spec(name) is None]


def needs(ending):
    missing = lacking(*NEEDED[ending])
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


ON_TENSORFLOW = pytest.mark.skipif(not IS_TENSORFLOW, reason="is written by TensorFlow")
FORMS = [pytest.param(ending, marks=needs(ending)) for ending in NEEDED]


def runner(path):
    """What a program without capszoo does with a file: a function of pictures."""
    if path.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path)
        names = [one.name for one in session.get_outputs()]
        return lambda x: dict(zip(names, session.run(None, {"images": x}), strict=True))
    if path.suffix == ".tflite":
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(str(path))
        run = interpreter.get_signature_runner()
        return lambda x: run(images=x)
    import tensorflow as tf

    function = tf.saved_model.load(str(path)).signatures["serving_default"]
    return lambda x: {name: one.numpy() for name, one in function(images=tf.constant(x)).items()}


@pytest.fixture(scope="module")
def model():
    return capszoo.load("capsnet_digits")


@pytest.fixture(scope="module")
def images():
    return capszoo.data.load("digits", "test")[0][:100]


@ON_TENSORFLOW
@pytest.mark.parametrize("ending", FORMS)
def test_answers_are_the_models(ending, model, images, tmp_path):
    path = tmp_path / "new" / f"digits{ending}"
    found = model.export(path, reconstructions=True, examples=images)
    assert isinstance(found, Exported)
    assert found.examples == 100
    assert found.same_classes
    assert found.largest_difference <= 1e-4
    assert found.inputs == {"images": "uint8 (batch, any, any, 1)"}
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    run, scores = runner(path), model.predict(images, verbose=0)
    answers = run(images)
    np.testing.assert_allclose(answers["scores"], scores, atol=1e-4)
    assert (answers["scores"].argmax(-1) == scores.argmax(-1)).all()
    drawn = model.reconstruct(images)
    np.testing.assert_allclose(answers["reconstructions"], drawn, atol=1e-4)
    # Any number of pictures, of any size: what prepares them is in the file.
    large = np.repeat(np.repeat(images[:3], 3, axis=1), 2, axis=2)
    expected = model.predict(large, verbose=0)
    np.testing.assert_allclose(run(large)["scores"], expected, atol=1e-4)


# Operations that a converter has to be told, products of six axes, graphs of any size.
TOLD = [
    ("em_capsnet", ".onnx"),
    ("em_capsnet", ".tflite"),
    ("efficient_capsnet", ".onnx"),
    ("capsgnn", ".onnx"),
]


@ON_TENSORFLOW
@pytest.mark.parametrize(("family", "ending"), TOLD)
def test_other_families(family, ending, tmp_path):
    if lacking(*NEEDED[ending]):
        pytest.skip(f"needs {', '.join(lacking(*NEEDED[ending]))}")
    model = FAMILIES.get(family)(**SMALL[family])
    found = model.export(tmp_path / f"model{ending}")
    assert found.largest_difference <= 1e-4
    assert found.examples == 8


@ON_TENSORFLOW
def test_what_a_form_lacks_is_named(tmp_path):
    model = FAMILIES.get("unet3d")(**SMALL["unet3d"])
    with pytest.raises(ValueError, match=r"LiteRT, which has no operation MaxPool3D\. ONNX"):
        model.export(tmp_path / "model.tflite")
    assert list(tmp_path.iterdir()) == []


@ON_TENSORFLOW
def test_what_answers_otherwise_is_not_written(tmp_path):
    from capszoo.export.writing import write

    model = tiny_model()
    x = model.synthetic_examples(2)
    expected = {"x": x, "scores": model.predict(x, verbose=0) + 0.001}
    (tmp_path / ".partial-tiny.savedmodel").mkdir()  # left by one that was killed
    with pytest.raises(RuntimeError, match=r"'scores' differs from the model's by 1\.0e-03"):
        write(model, tmp_path / "tiny.savedmodel", expected)
    assert list(tmp_path.iterdir()) == []


@ON_TENSORFLOW
def test_without_a_runtime_it_says_so(tmp_path, monkeypatch):
    if lacking("tf2onnx"):
        pytest.skip("needs tf2onnx")
    monkeypatch.setattr(forms, "_is_installed", lambda name: name != "onnxruntime")
    found = tiny_model().export(tmp_path / "tiny.onnx")
    assert found.runtime is None
    assert found.missing == 'onnxruntime is missing: pip install "capszoo[export]"'


@needs(".onnx")
@pytest.mark.skipif(IS_TENSORFLOW, reason="needs no other process")
def test_a_family_that_another_process_does_not_know(tmp_path):
    class Own(capszoo.models.CapsNet):
        pass

    with pytest.raises(ValueError, match="Own is of no registered family"):
        Own(**SMALL["capsnet"]).export(tmp_path / "own.onnx")
    assert list(tmp_path.iterdir()) == []


@ONCE
@needs(".onnx")
def test_command(run, model, images, tmp_path):
    """On JAX and PyTorch, by another process, which says nothing of its own."""
    arguments = ("--reconstructions", "--json")
    code, out, err = run("export", "capsnet_digits", "digits.onnx", *arguments)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["examples"] == 100
    assert found["same_classes"]
    assert found["file"] == "digits.onnx"
    assert found["outputs"]["scores"] == "float32 (batch, 10)"
    assert (tmp_path / "digits.onnx").stat().st_size == found["bytes"]
    answers = runner(tmp_path / "digits.onnx")(images)
    np.testing.assert_allclose(answers["scores"], model.predict(images, verbose=0), atol=1e-4)
    np.testing.assert_allclose(answers["reconstructions"], model.reconstruct(images), atol=1e-4)
    # The server of the guide gives a picture's class.
    code = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)[1]
    exec(compile(code, GUIDE.name, "exec"), names := {})
    with HTTPServer(("127.0.0.1", 0), names["Classify"]) as server:
        threading.Thread(target=server.handle_request).start()
        picture = io.BytesIO()
        Image.fromarray(images[0, :, :, 0]).save(picture, "png")
        address = f"http://127.0.0.1:{server.server_port}"
        answer = requests.post(address, data=picture.getvalue(), timeout=60).json()
    np.testing.assert_allclose(answer["scores"], answers["scores"][0], atol=1e-4)


def test_weights_alone(tmp_path):
    found = tiny_model().export(tmp_path / "tiny.npz")
    assert found.form == "arrays"
    with np.load(tmp_path / "tiny.npz") as arrays:
        assert arrays["conv/bias"].shape == (4,)


@ONCE
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits.onx",), "Unknown ending '.onx'. Did you mean '.onnx'?"),
        (("digits",), "Unknown ending ''"),
        (("there.onnx",), "'there.onnx' exists already"),
        (("there.onnx/digits.onnx",), "there.onnx' is no folder"),
        (("digits.npz", "--reconstructions"), "hold weights: nothing comes out"),
    ],
)
def test_bad_input(arguments, message, run, tmp_path):
    (tmp_path / "there.onnx").write_text("")
    code, _, err = run("export", "capsnet_digits", *arguments)
    assert code == 2
    assert message in err
    assert [one.name for one in tmp_path.iterdir()] == ["there.onnx"]


@ONCE
def test_no_decoder_and_no_right_to_write(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="Model 'tiny' has no decoder"):
        tiny_model(decoder=None).export(tmp_path / "tiny.onnx", reconstructions=True)
    monkeypatch.setattr(forms.os, "access", lambda path, mode: False)
    with pytest.raises(OSError, match="cannot be written"):
        tiny_model().export(tmp_path / "tiny.npz")


@ONCE
def test_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(forms, "_is_installed", lambda name: name != "tf2onnx")
    with pytest.raises(ImportError, match=r"Missing: tf2onnx\. Install: pip install"):
        tiny_model().export(tmp_path / "tiny.onnx")
