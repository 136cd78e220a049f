"""The smallest CapsNet that has every part, and data for it."""

import numpy as np

import capszoo

SHAPE = (12, 10, 1)
CLASSES = 3
ARGUMENTS = {
    "image_shape": SHAPE,
    "num_classes": CLASSES,
    "conv_filters": 6,
    "conv_kernel_size": 3,
    "primary_types": 3,
    "primary_dim": 4,
    "primary_kernel_size": 3,
    "primary_strides": 3,
    "class_dim": 5,
    "decoder": (8,),
}


def capsnet(**arguments):
    return capszoo.models.CapsNet(**{**ARGUMENTS, **arguments})


def data(count):
    """Images of noise and labels that take turns."""
    images = np.random.default_rng(0).integers(0, 256, size=(count, *SHAPE)).astype("uint8")
    return images, np.arange(count) % CLASSES
