"""What scripts for CapsNets of two inputs and outputs write is refused, with what to write."""

import numpy as np
import pytest

from capszoo.losses import MarginLoss
from tests.models import tiny

OURS = r"Write model\.compile\(\) and model\.fit\(x, y\).*`reconstruction_weight`"


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        ({"loss": [MarginLoss(), "mse"]}, r"loss=\["),
        ({"loss": {"scores": "mse"}}, r"loss=\{'scores': 'mse'\}"),
        ({"loss_weights": [1.0, 0.392]}, r"loss_weights=\[1.0, 0.392\]"),
        ({"metrics": {"capsnet": "accuracy"}}, r"metrics=\{'capsnet': 'accuracy'\}"),
    ],
)
def test_compile(arguments, received):
    with pytest.raises(ValueError, match=rf"one output, 'scores'.*{OURS}.*Received: {received}"):
        tiny.capsnet().compile(**arguments)


def test_data():
    images, labels = tiny.data(6)
    hot = np.eye(tiny.CLASSES)[labels]
    model = tiny.capsnet()
    model.compile()
    target, inputs = rf"one target, that of .*'scores'.*{OURS}", rf"one input, .*{OURS}"
    for method in (model.fit, model.evaluate):
        for targets in ([hot, images], {"scores": hot, "reconstructions": images}):
            with pytest.raises(ValueError, match=rf"{target}.*2 targets"):
                method(images, targets, verbose=0)
        with pytest.raises(ValueError, match=rf"{inputs}.*2 inputs"):
            method([images, hot], hot, verbose=0)
    with pytest.raises(ValueError, match=target):
        model.fit(images, hot, validation_data=(images, [hot, images]), verbose=0)
    with pytest.raises(ValueError, match=inputs):
        model.predict([images, hot], verbose=0)
    # One loss in a list, and no labels at all, are no such thing.
    model.compile(loss=[MarginLoss()], metrics=["accuracy"])
    model.fit(images, hot, validation_data=(images, hot), verbose=0)
