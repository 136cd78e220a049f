"""The page of the zoo is that of the presets."""

from capszoo.zoo import list_presets
from capszoo.zoo import page
from capszoo.zoo.presets import configs_folder
from tests.once import ONCE

pytestmark = ONCE


def test_page_is_up_to_date():
    text = (configs_folder() / page.PAGE_FILE).read_text(encoding="utf-8")
    assert text == page.page(), "run: python -m capszoo.zoo.page"


def test_every_preset_is_on_it():
    text = page.page()
    for name in list_presets():
        assert f"## {name}\n" in text or f"`{name}`" in text
