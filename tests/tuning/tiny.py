"""The smallest search there can be: tiny CapsNets on a few hundred digits."""

from capszoo import tuning
from tests.zoo.tiny import toy_data

# All but the learning rate, and the batch size that makes one shape of the toy data.
TINY = {
    "conv_filters": 4,
    "conv_strides": 1,
    "primary_types": 2,
    "primary_dim": 4,
    "class_dim": 4,
    "routing": "uniform",
    "decoder": False,
    "batch_size": {"values": [40], "default": 40},
    "translation": 0.0,
    "rotation": 0.0,
    "optimizer": "Adam",
    "schedule": "constant",
    "primary_strides": 2,
}


def search_tiny(folder, **changes):
    """Searches in `folder`: two random trials of one epoch, unless told otherwise."""
    data = folder / "toy.npz"
    arguments = {
        "data": str(data if data.is_file() else toy_data(folder)),
        "tuner": "random",
        "trials": 2,
        "epochs": 1,
        "overrides": TINY,
        "output": folder / "search",
        **changes,
    }
    return tuning.search(arguments.pop("target", "capsnet"), arguments.pop("data"), **arguments)
