"""`capszoo tune`: what it prints, and with which exit code."""

import functools
import json

import pytest

from tests.once import ONCE
from tests.tuning.tiny import TINY
from tests.zoo.tiny import toy_data

pytestmark = [
    ONCE,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture
def tune(run):
    return functools.partial(run, "tune")


def test_tune(tune, tmp_path):
    words = ["capsnet", "--data", toy_data(tmp_path), "--tuner", "random", "--trials", 1]
    words += ["--epochs", 1, "--output", "found"]
    for name, value in TINY.items():
        words += ["--set", f"{name}={json.dumps(value)}"]
    code, out, err = tune(*words)
    assert code == 0, err
    assert "best of 1 trials" in out
    assert "accuracy against parameters" in out
    assert "Train the best one: capszoo train found/best.yaml" in out
    assert "Trial 1 of 1 (0): val_accuracy" in err

    code, out, err = tune(*words)
    assert code == 2
    assert "holds the search of 'capsnet'" in err
    assert "--resume" in err

    code, out, _ = tune(*words, "--resume", "--json")
    assert code == 0
    assert json.loads(out)["finished"] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["capsnett", "--data", "digits"], "Did you mean 'capsnet'"),
        (["capsnet"], "--data"),
        (["capsnet", "--data", "digits", "--trials", "0"], "trials=0"),
        (["capsnet", "--data", "digits", "--objective", "size"], "Unknown objective 'size'"),
        (["capsnet", "--data", "digits", "--set", "routing"], "--set KEY=VALUE"),
        (["capsnet", "--data", "digits", "--set", "rooting=em"], "Did you mean 'routing'"),
    ],
)
def test_bad_input_ends_with_one_message(tune, words, message, tmp_path):
    code, out, err = tune(*words)
    assert code == 2
    assert out == ""
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "runs").exists()
