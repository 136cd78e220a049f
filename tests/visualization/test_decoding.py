"""What decoders make of chosen classes and of poses that are changed."""

import numpy as np
import pytest

import capszoo
from capszoo.visualization.reconstructions import decode
from capszoo.visualization.reconstructions import one_class_each


@pytest.fixture(scope="module")
def model():
    return capszoo.load("capsnet_digits")


@pytest.fixture(scope="module")
def images():
    return capszoo.data.load("digits", "test")[0][:3]


def test_the_best_class_decodes_to_the_reconstruction(model, images):
    best = model.predict(images, verbose=0).argmax(axis=-1)
    decoded = capszoo.visualization.decode_classes(model, images, best)
    np.testing.assert_allclose(decoded, model.reconstruct(images), rtol=1e-4, atol=1e-5)
    other = capszoo.visualization.decode_classes(model, images, (best + 1) % 10)
    assert np.abs(other - decoded).max() > 0.1


def test_one_number_is_changed_at_a_time(model, images):
    changes = (-0.2, 0.0, 0.1)
    found = capszoo.visualization.change_pose(model, images[0], changes=changes)
    best = int(model.predict(images[:1], verbose=0).argmax())
    poses = one_class_each(model.encode(images[:1]), [best])
    for number in (0, 7):
        for place, change in enumerate(changes):
            changed = poses.copy()
            changed[0, best, number] += change
            np.testing.assert_allclose(
                found[number, place], decode(model, changed)[0], rtol=1e-4, atol=1e-5
            )


def test_refusals(model, images):
    bare = capszoo.load("em_capsnet_digits")
    for call in (
        lambda: capszoo.visualization.decode_classes(bare, images, [0, 0, 0]),
        lambda: capszoo.visualization.change_pose(bare, images[0]),
    ):
        with pytest.raises(ValueError, match="reconstructs nothing: it has no decoder"):
            call()
    with pytest.raises(ValueError, match=r"from 0 to 9 for each of the 3 images.*\[10, 0, 0\]"):
        capszoo.visualization.decode_classes(model, images, [10, 0, 0])
    with pytest.raises(ValueError, match=r"`number_of_class` from 0 to 9. Received: -1"):
        capszoo.visualization.change_pose(model, images[0], number_of_class=-1)
    with pytest.raises(ValueError, match=r"channel|shape"):
        capszoo.visualization.change_pose(model, np.zeros((8, 8, 3)))
