"""Windows and steps of (height, width), in every family."""

import numpy as np
import pytest

from capszoo import models
from capszoo.models.inputs import ImageInput
from tests.models.test_families import SMALL
from tests.models.test_families import TASKS
from tests.once import ONCE

pytestmark = ONCE

OF_IMAGES = [
    name
    for name in SMALL
    if models.get_family(name).input_end is ImageInput and TASKS[name] != "generation"
]
SHAPE = {"image_shape": (13, 9, 1), "num_classes": 3, "decoder": None}
# Arguments as pairs, as single numbers where all pairs are squares, and by hand the shape of the
# capsules' maps below: the last is 13x9 after windows of the first axis, then of the second.
PAIRS = {
    "capsnet": (
        {"conv_kernel_size": (5, 1), "primary_kernel_size": (3, 2), "primary_strides": (2, 1)},
        "primary_capsules",
        (None, 4 * 8 * 4, 4),  # (13 - 4 - 2) / 2 by (9 - 0 - 1) positions of 4 types
    ),
    "em_capsnet": (
        {
            "conv_kernel_size": (5, 1),
            "conv_strides": (1, 2),
            "capsule_kernel_size": (3, 1),
            "capsule_strides": ((2, 1),),
        },
        "conv_capsules_1",
        (None, 4, 5, 4, 16),  # ((13 - 4) - 2) / 2 by 9 / 2
    ),
    "vb_capsnet": (
        {
            "conv_kernel_size": (5, 1),
            "conv_strides": (1, 2),
            "capsule_kernel_size": (3, 1),
            "capsule_strides": ((2, 1),),
        },
        "conv_capsules_1",
        (None, 4, 5, 4, 16),  # ((13 - 4) - 2) / 2 by 9 / 2
    ),
    "efficient_capsnet": (
        {
            "kernel_sizes": ((5, 1), (1, 3)),
            "strides": ((2, 1), (1, 2)),
            "primary_kernel_size": (5, 1),
            "primary_strides": (1, 2),
        },
        "primary_capsules",
        (None, 1 * 2 * 4, 4),  # 9 / 2 - 4 by 7 / 2 / 2
    ),
    "conv_net": (
        {"kernel_sizes": ((5, 1), (1, 3)), "strides": ((2, 1), (1, 2))},
        "norm_2",
        (None, 5, 4, 16),  # (13 - 4) / 2 by (9 - 2) / 2
    ),
    "deepcaps": (
        {"conv_kernel_size": (5, 1)},
        "cell_1",
        (None, 7, 5, 4, 4),  # 13 / 2 by 9 / 2, rounded up
    ),
    "residual_capsnet": (
        {"conv_kernel_size": (5, 1), "conv_strides": (1, 2)},
        "primary_capsules",
        (None, 3 * 3 * 4, 8),  # ((13 - 4) - 4) / 2 by 9 / 2 / 2
    ),
    "ar_capsnet": (
        {
            "conv_kernel_size": (5, 1),
            "primary_strides": (2, 1),
            "capsule_kernel_size": (1, 3),
            "capsule_strides": (1, 3),
        },
        "conv_capsules_2",
        (None, 7, 3, 4, 4),
    ),
    "cluster_capsnet": (
        {"strides": ((1, 1), (2, 1), (1, 3))},
        "capsules_3",
        (None, 7, 3, 3, 4),
    ),
    "inverted_attention_capsnet": (
        {"conv_kernel_size": (5, 1), "capsule_kernel_size": (1, 3), "capsule_strides": ((2, 1),)},
        "conv_capsules_1",
        (None, 4, 3, 4, 4),  # 13 / 2 / 2 by 9 / 2 - 2, rounded up
    ),
    "self_routing_capsnet": (
        {"capsule_strides": ((2, 1),)},
        "conv_capsules_1",
        (None, 1, 2, 3, 4),  # 13 / 8 / 2 by 9 / 8
    ),
    "subspace_capsnet": (
        {"conv_kernel_size": (5, 1), "kernel_size": (1, 3)},
        "capsules_1",
        (None, 7, 5, 4, 3),  # 13 / 2 by 9 / 2, rounded up
    ),
}
PAIRS["sparse_capsnet"] = PAIRS["capsnet"]
PAIRS["scae"] = (
    {"conv_kernel_size": ((5, 1), (1, 3)), "conv_strides": ((2, 1), 1), "template_size": (3, 5)},
    "conv_2",
    (None, 5, 7, 8),  # (13 - 4) / 2 by 9 - 2
)
PAIRS["face_parts_capsnet"] = (
    {
        "conv_kernel_size": ((5, 1), (1, 3)),
        "conv_strides": ((2, 1), 1),
        "padding": "valid",
        "shape_size": (3, 5),
        "appearance_size": (2, 1),
    },
    "conv_2",
    (None, 5, 7, 8),  # (13 - 4) / 2 by 9 - 2
)
each_family = pytest.mark.parametrize("name", OF_IMAGES)


def make(name, **arguments):
    family = models.get_family(name)
    shape = SHAPE if family.labeled else {"image_shape": SHAPE["image_shape"]}
    return family(**{**SMALL[name], **shape, **arguments})


@each_family
def test_pairs(name):
    pairs, layer, shape = PAIRS[name]
    model = make(name, **pairs)
    output = model.get_layer(layer).output
    poses = output[0] if isinstance(output, (list, tuple)) else output
    assert np.prod(poses.shape[1:]) == np.prod(shape[1:])
    assert np.isfinite(model.predict(np.zeros((2, 13, 9, 1), "uint8"), verbose=0)).all()
    # As a preset's file gives them.
    again = make(name, **{key: _lists(value) for key, value in pairs.items()})
    again.set_weights(model.get_weights())
    images = np.random.default_rng(0).integers(0, 256, (2, 13, 9, 1), dtype="uint8")
    np.testing.assert_allclose(
        again.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-6
    )


def _lists(value):
    return [_lists(one) for one in value] if isinstance(value, tuple) else value


@each_family
def test_squares_are_numbers(name):
    """A pair of equal sizes makes the same network as the one number, with the same start."""
    weights = []
    for pair in (lambda size: size, lambda size: (size, size)):
        arguments = {
            "capsnet": {"primary_kernel_size": pair(3), "primary_strides": pair(2)},
            "em_capsnet": {"conv_kernel_size": pair(3), "capsule_strides": (pair(2),)},
            "vb_capsnet": {"conv_kernel_size": pair(3), "capsule_strides": (pair(2),)},
            "efficient_capsnet": {"kernel_sizes": (pair(3), 3), "strides": (1, pair(2))},
            "conv_net": {"kernel_sizes": (pair(3), 3), "strides": (1, pair(2))},
            "deepcaps": {"conv_kernel_size": pair(3)},
            "subspace_capsnet": {"kernel_size": pair(3)},
            "scae": {"conv_kernel_size": (pair(3), 3), "template_size": pair(4)},
            "face_parts_capsnet": {"conv_kernel_size": (pair(3), 3), "shape_size": pair(4)},
            "sparse_capsnet": {"primary_kernel_size": pair(3), "primary_strides": pair(2)},
            "residual_capsnet": {"conv_kernel_size": pair(3), "conv_strides": pair(1)},
            "ar_capsnet": {"conv_kernel_size": pair(3), "capsule_strides": pair(2)},
            "cluster_capsnet": {"strides": (1, pair(2), 1)},
            "inverted_attention_capsnet": {"capsule_strides": (pair(2),)},
            "self_routing_capsnet": {"capsule_strides": (pair(2),)},
        }[name]
        weights.append(make(name, **arguments).get_weights())
    assert [one.shape for one in weights[0]] == [one.shape for one in weights[1]]
    # The spread is that of a number and not of one drawn: 30 % is far beyond chance.
    for one, other in zip(*weights, strict=True):
        if one.size > 200 and one.std() > 0:
            assert other.std() == pytest.approx(one.std(), rel=0.3)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("capsnet", {"conv_kernel_size": (3, 0)}, "`conv_kernel_size`, expected a positive int"),
        ("capsnet", {"primary_strides": (1, 2, 3)}, "`primary_strides`, expected one positive"),
        ("capsnet", {"conv_kernel_size": (3, 8)}, "Images of 13x9 .*smallest that works is 5x10"),
        ("em_capsnet", {"capsule_strides": ("2",)}, "`capsule_strides`, expected a positive int"),
        ("efficient_capsnet", {"kernel_sizes": ((3, 1.5), 3)}, "`kernel_sizes`, expected a pos"),
        ("residual_capsnet", {"conv_strides": (0, 1)}, "`conv_strides`, expected a positive int"),
        ("ar_capsnet", {"primary_strides": (2, 0)}, "`primary_strides`, expected a positive int"),
        ("self_routing_capsnet", {"capsule_strides": (0,)}, "`capsule_strides`, expected a pos"),
        ("cluster_capsnet", {"strides": ((1, 16), 1, 1)}, "at least 1x16 for these strides"),
    ],
)
def test_refused(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(name, **arguments)
