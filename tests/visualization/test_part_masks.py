"""Which part each pixel is of: what is drawn, and which models draw none."""

import numpy as np
import pytest

import capszoo
from capszoo.visualization import draw_part_masks
from capszoo.visualization import draw_parts
from tests.models.test_families import SMALL
from tests.models.test_families import digits


def test_pictures_stand_above_their_parts():
    images, _ = digits(3)
    model = capszoo.models.FacePartsCapsNet(**SMALL["face_parts_capsnet"])
    axes = draw_part_masks(model, images).axes
    assert len(axes) == 4 * 3
    shown = [np.asarray(axis.images[0].get_array()) for axis in axes]
    for column, image in enumerate(images[..., 0] / 255):
        np.testing.assert_allclose(shown[column], image, atol=1e-6)
    made = model.reconstruct(images)[..., 0]
    np.testing.assert_allclose(shown[3:6], made, atol=1e-6)
    rows = (model.parts(images).masks, model.subparts(images).masks)
    for masks, row in zip(rows, (shown[6:9], shown[9:]), strict=True):
        for picture, one, image in zip(row, masks, images / 255, strict=True):
            colours = np.round(2 * picture - image, 4)
            # As many colours as parts, each where the part has most of a pixel.
            labels = one.argmax(axis=0)
            found = [np.unique(colours[labels == label], axis=0) for label in np.unique(labels)]
            assert all(len(colour) == 1 for colour in found)
            assert len({tuple(colour[0]) for colour in found}) == len(found)
    # What `capszoo parts` draws stays as it is: two pictures and one for each part.
    assert sum(bool(axis.images) for axis in draw_parts(model, images[0]).axes) == 2 + 3


@pytest.mark.parametrize(
    ("name", "match"),
    [("capsnet", "does not reconstruct"), ("sparse_capsnet", "do not share a picture out")],
)
def test_refused(name, match):
    model = capszoo.models.get_family(name)(**SMALL[name])
    with pytest.raises(ValueError, match=match):
        draw_part_masks(model, digits(2)[0])


def test_no_picture():
    model = capszoo.models.FacePartsCapsNet(**SMALL["face_parts_capsnet"])
    with pytest.raises(ValueError, match="at least one picture"):
        draw_part_masks(model, digits(2)[0][:0])
