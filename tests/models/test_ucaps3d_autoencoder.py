"""UCaps3DAutoencoder: it restores, and a UCaps3D starts from all that it learnt but its logits."""

import numpy as np
import pytest

import capszoo
from capszoo.training.examples import to_restore
from capszoo.training.initialization import initialize
from capszoo.tuning.size import count_parameters
from tests.layer_checks import to_numpy
from tests.once import ONCE

PRETEXT, SEGMENTER = "ucaps3d_autoencoder_generated_volumes", "ucaps3d_generated_volumes"


def standardized(volumes):
    axes = (1, 2, 3, 4)
    return (volumes - volumes.mean(axes, keepdims=True)) / volumes.std(axes, keepdims=True)


def test_a_segmenter_starts_from_all_but_its_logits():
    pretext = capszoo.load(PRETEXT)
    model = capszoo.zoo.build(capszoo.zoo.read_preset(SEGMENTER))
    before = [to_numpy(variable.value) for variable in model.get_layer("logits").variables]
    taken = initialize(model, PRETEXT)
    assert taken.of_variables - taken.variables == len(before) == 2
    assert taken.parameters == pretext.count_params()
    for old, variable in zip(before, model.get_layer("logits").variables, strict=True):
        np.testing.assert_array_equal(to_numpy(variable.value), old)
    volumes, _ = capszoo.data.load("generated_volumes", "test")
    for output in ("poses", "reconstructions"):
        np.testing.assert_allclose(
            model.predict_output(output, volumes[:4]),
            pretext.predict_output(output, volumes[:4]),
            atol=1e-4,
        )


@ONCE
def test_the_preset_restores():
    preset, model = capszoo.zoo.read_preset(PRETEXT), capszoo.load(PRETEXT)
    volumes, _ = capszoo.data.load("generated_volumes", "test")
    damaged, volumes = to_restore(volumes[:16], preset)
    wrong = np.mean((standardized(damaged) - standardized(volumes)) ** 2)
    left = np.mean((model.reconstruct(damaged) - standardized(volumes)) ** 2)
    assert left < wrong


@ONCE
def test_the_presets_differ_by_their_heads_alone():
    for pretext, segmenter in (
        (PRETEXT, SEGMENTER),
        ("ucaps3d_hippocampus_pretext", "ucaps3d_hippocampus"),
    ):
        with_head, without = (capszoo.zoo.read_preset(name) for name in (segmenter, pretext))
        assert with_head.data.name == without.data.name
        logits = 3 * (with_head.model["decoder_filters"][-1] + skipped(with_head.model)) + 3
        assert logits == count_parameters("ucaps3d", with_head.model) - count_parameters(
            "ucaps3d_autoencoder", without.model
        )


def skipped(arguments):
    """How many features the decoder joins last."""
    if arguments.get("primary_strides") == 2:
        return arguments["conv_filters"][-1]
    return arguments["primary_types"] * arguments["primary_dim"]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"last_types": 0}, "last_types"),
        ({"reconstruction_filters": None}, "reconstruction_filters"),
        ({"volume_shape": (8, 8, 12, 1)}, "multiples of 8"),
        ({"num_classes": 3}, "Unknown argument 'num_classes'"),
    ],
)
def test_bad_arguments(arguments, match):
    with pytest.raises(ValueError, match=match):
        capszoo.models.UCaps3DAutoencoder(**arguments)
