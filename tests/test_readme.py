"""The README is true: its code runs, its table is that of the presets."""

import pathlib
import re

import pytest

from capszoo.zoo import table
from tests.once import ONCE

pytestmark = ONCE
README = pathlib.Path(__file__).parents[1] / "README.md"


def test_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 3
    names = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert names["scores"].shape == (360, 10)
    assert names["coupling"].shape == (360, 10, 256)
    assert (tmp_path / "my_capsnet" / "preset.yaml").is_file()


def test_table_is_up_to_date():
    text = README.read_text(encoding="utf-8")
    assert table.replace_table(text) == text, "run: python -m capszoo.zoo.table README.md"


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text()))
def test_links_point_to_files(link):
    assert (README.parent / link).exists()
