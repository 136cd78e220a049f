"""A search on a folder of photos of many sizes."""

import capszoo
from tests.data.test_image_folder import draw
from tests.once import ONCE
from tests.tuning.tiny import search_tiny

pytestmark = ONCE


def test_photos_of_many_sizes(tmp_path):
    """A family's photos become 32x32, and the best preset says so: it trains as it is."""
    draw(tmp_path / "own", classes=("a",), size=(20, 30), mode="RGB", count=4)
    draw(tmp_path / "own", classes=("b",), size=(9, 12), mode="RGB", count=4)
    report = search_tiny(tmp_path, data=str(tmp_path / "own"), trials=1)
    preset = capszoo.zoo.read_preset(report["best"])
    assert preset.model["image_shape"] == [32, 32, 3]
    assert preset.data.resize == [32, 32]
    assert capszoo.zoo.build(preset).resize == (32, 32)
