"""What a model would take is counted from shapes, and refused before it gets it."""

import math
import threading

import keras
import pytest

import capszoo
from capszoo import memory
from tests.models.tiny import ARGUMENTS
from tests.models.tiny import capsnet


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"num_classes": 10**9}, "the votes of class_capsules"),
        ({"class_dim": 2**31 - 1, "num_classes": 1}, "the votes of class_capsules"),
        ({"decoder": (10**9,)}, "the parameters of hidden_0/kernel"),
        ({"conv_filters": 10**9}, "the parameters of conv/kernel"),
        ({"image_shape": (10**6, 10**6, 1)}, "the votes of class_capsules"),
        ({"resize": (10**6, 10**6)}, "the resized pictures"),
    ],
)
def test_what_no_machine_holds_is_refused(arguments, part):
    with memory.limited(gigabytes=2), pytest.raises(ValueError, match=part) as caught:
        capszoo.models.CapsNet(**{**ARGUMENTS, "decoder": None, **arguments})
    assert "Expected at most 2 GB" in str(caught.value)


def test_the_sum_counts_parameters_and_the_largest_activation():
    counted = capsnet(decoder=None)
    weights = 4 * sum(math.prod(one.shape) for one in counted.weights)
    votes = 4 * 3 * 3 * 3 * 3 * 5  # children, three classes, poses of 5
    largest = 4 * 10 * 8 * 6  # what the convolution gives
    assert largest > votes
    exactly = (weights + largest) / 1e9
    with memory.limited(gigabytes=exactly):
        capsnet(decoder=None)
    with (
        memory.limited(gigabytes=exactly - 1e-9),
        pytest.raises(ValueError, match="output of conv"),
    ):
        capsnet(decoder=None)


def test_variable_argument_and_default(monkeypatch, tmp_path):
    capsnet(name="tiny").save_to_preset(tmp_path / "tiny")
    monkeypatch.setenv(memory.VARIABLE, "0.000001")
    with pytest.raises(ValueError, match=r"preset\.yaml: The model would take .* at most 1e-06 GB"):
        capszoo.load(tmp_path / "tiny")
    capszoo.load(tmp_path / "tiny", memory_limit=1)
    for value in ("many", "-1", "nan"):
        monkeypatch.setenv(memory.VARIABLE, value)
        with pytest.raises(ValueError, match=f"{memory.VARIABLE} to be a number of GB"):
            capsnet()
    monkeypatch.delenv(memory.VARIABLE)
    monkeypatch.setattr(memory, "machine_memory", lambda: 2000)
    with pytest.raises(ValueError, match="at most 1e-06 GB"):
        capsnet()
    monkeypatch.setattr(memory, "machine_memory", lambda: None)
    capsnet()


def test_keras_is_as_it_was():
    original = keras.layers.Layer.add_weight
    inside, go_on = threading.Event(), threading.Event()

    def count():
        with memory.counted():
            inside.set()
            go_on.wait(30)

    other = threading.Thread(target=count)
    other.start()
    inside.wait(30)
    # What is not counted itself is not refused while another thread counts.
    with memory.limited(gigabytes=1e-9):
        keras.layers.Dense(10).build((None, 10))
        with pytest.raises(ValueError, match="would take"):
            capsnet()
    go_on.set()
    other.join()
    assert keras.layers.Layer.add_weight is original
