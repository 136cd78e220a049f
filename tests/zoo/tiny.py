"""The smallest CapsNet and preset there can be, for the tests of zoo, training and command line."""

import numpy as np
import yaml

from capszoo import data
from capszoo.models import CapsNet

ARGUMENTS = {
    "image_shape": [8, 8, 1],
    "num_classes": 10,
    "conv_filters": 4,
    "conv_kernel_size": 3,
    "primary_types": 2,
    "primary_kernel_size": 3,
    "primary_strides": 1,
    "primary_scale": 1.0,
    "class_dim": 4,
    "decoder": [8],
    # Steps of a training that is compared number by number stay small without.
    "normalization": None,
}


def tiny_model(**changes):
    """An untrained CapsNet for the digits, of a few thousand parameters."""
    return CapsNet(**{**ARGUMENTS, "name": "tiny", **changes})


def tiny_content(**changes):
    """What the file of a tiny preset holds: untrained, two epochs of nine steps."""
    return {
        "name": "tiny",
        "family": "capsnet",
        "model": dict(ARGUMENTS),
        "data": {"name": "digits"},
        "training": {
            "epochs": 2,
            "batch_size": 128,
            "optimizer": {"Adam": {"learning_rate": 0.01}},
        },
        **changes,
    }


def write_tiny(folder, **changes):
    """Writes the file of a tiny preset, and returns its path."""
    content = tiny_content(**changes)
    path = folder / f"{content['name']}.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def toy_data(folder):
    """Writes 360, 40 and 40 of the digits for training, validation and test; returns the file.

    In batches of 40 each split has one shape, so little is compiled.
    """
    path = folder / "toy.npz"
    images, labels = data.load("digits")
    np.savez(
        path,
        x_train=images[:400],
        y_train=labels[:400],
        x_test=images[400:440],
        y_test=labels[400:440],
    )
    return path


def write_toy(folder, **changes):
    """Writes a tiny preset on the toy data beside it, and returns its path."""
    name = str(toy_data(folder))
    recipe = {"epochs": 2, "batch_size": 40, "optimizer": {"Adam": {"learning_rate": 0.02}}}
    content = {
        "model": {**ARGUMENTS, "decoder": None},
        "training": {**recipe, **changes.pop("training", {})},
        "data": {"name": name, **changes.pop("data", {})},
        **changes,
    }
    return write_tiny(folder, **content)
