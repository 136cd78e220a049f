"""Training that starts from the weights of another model, and on a share of the examples."""

import numpy as np
import pytest

import capszoo
from capszoo.data.splits import digest
from capszoo.data.splits import take_share
from capszoo.training.initialization import initialize
from capszoo.zoo import build
from capszoo.zoo import read_preset
from tests.layer_checks import to_numpy
from tests.once import ONCE


def untrained(**changes):
    preset = read_preset("capsnet_digits")
    return build(preset.model_copy(update={"model": {**preset.model, **changes}}))


def test_what_agrees_in_path_and_shape_is_taken():
    source = capszoo.load("capsnet_digits")
    model = untrained(num_classes=4)
    fresh = to_numpy(model.get_layer("class_capsules").kernel)
    taken = initialize(model, "capsnet_digits")
    for name in ("conv", "primary_capsules"):
        for found, expected in zip(
            model.get_layer(name).weights, source.get_layer(name).weights, strict=True
        ):
            np.testing.assert_array_equal(to_numpy(found), to_numpy(expected))
    np.testing.assert_array_equal(to_numpy(model.get_layer("class_capsules").kernel), fresh)
    # All but the transforms and the bias of the classes, and the first layer of the decoder.
    assert taken.of_variables - taken.variables == 3
    assert taken.parameters < taken.of_parameters == model.count_params()
    whole = initialize(untrained(), "capsnet_digits")
    assert whole.variables == whole.of_variables


@ONCE
def test_a_model_without_anything_in_common_is_refused():
    with pytest.raises(ValueError, match=r"No variable of the CapsNet agrees .*'ucaps3d_gen"):
        initialize(untrained(), "ucaps3d_generated_volumes")
    with pytest.raises(ValueError, match="Unknown preset 'capsnet_digit'"):
        initialize(untrained(), "capsnet_digit")


@ONCE
def test_training_starts_there(tmp_path, capsys):
    arguments = {"data.share": 0.1, "training.optimizer": {"SGD": {"learning_rate": 1e-9}}}
    for name, init_from in (("fresh", None), ("again", "capsnet_digits")):
        report = capszoo.training.train(
            "capsnet_digits",
            epochs=1,
            settings=arguments,
            init_from=init_from,
            output=tmp_path / name,
            verbose=2,
        )
        assert (report["test_accuracy"] > 0.9) == (init_from is not None)
    assert "From 'capsnet_digits': " in capsys.readouterr().out
    preset = read_preset(tmp_path / "again")
    assert (preset.training.init_from, preset.data.share) == ("capsnet_digits", 0.1)


@ONCE
def test_a_share_of_each_class():
    labels = np.repeat([0, 1, 2], [100, 40, 3])
    keys = [digest(bytes([number])) for number in range(len(labels))]
    tenth, quarter = (take_share(labels, keys, share) for share in (0.1, 0.25))
    assert np.bincount(labels[tenth]).tolist() == [10, 4, 1]
    assert np.bincount(labels[quarter]).tolist() == [25, 10, 1]
    assert (quarter | ~tenth).all()
    largest = max(keys[number] for number in np.flatnonzero(tenth & (labels == 0)))
    assert sum(key <= largest for key in keys[:100]) == 10
    assert take_share(labels, keys, 1.0).all()
    # Nothing depends on the order.
    turned = take_share(labels[::-1], keys[::-1], 0.1)
    np.testing.assert_array_equal(turned[::-1], tenth)
    assert take_share(np.zeros((20, 4, 4)), keys[:20], 0.1).sum() == 2


@ONCE
@pytest.mark.parametrize("share", [0, 1.5, "all"])
def test_no_such_share(share, tmp_path):
    with pytest.raises(ValueError, match=r"data\.share"):
        capszoo.training.train(
            "capsnet_digits", settings={"data.share": share}, output=tmp_path / "run"
        )
