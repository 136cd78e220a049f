"""Writes the tables of docs/robustness.md, and its curves, from what was measured.

`python docs/robustness.py` takes every CSV file of zoo_configs/robustness, which `capszoo
robustness` wrote, and replaces what stands between the two markers of its name. The text beside
them is by hand.
"""

import pathlib
import re

from capszoo import robustness

ROOT = pathlib.Path(__file__).parents[1]
PAGE = ROOT / "docs" / "robustness.md"
MEASURED = ROOT / "zoo_configs" / "robustness"


def table_of_distortions() -> str:
    """The names, meanings and amounts of all distortions."""
    lines = [
        "| distortion | pictures are | amount | strengths 1 to 5 |",
        "| --- | --- | --- | --- |",
    ]
    for one in robustness.DISTORTIONS.values():
        amounts = ", ".join(f"{amount:g}" for amount in one.amounts)
        lines.append(f"| `{one.name}` | {one.meaning} | {one.unit} | {amounts} |")
    return "\n".join(lines)


def page() -> str:
    """The page, its tables made anew."""
    tables = {"distortions": table_of_distortions()}
    for path in sorted(MEASURED.glob("*.csv")):
        tables[path.stem] = robustness.markdown_table(robustness.read_csv(path))
    text = PAGE.read_text(encoding="utf-8")
    for name, table in tables.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        pattern = re.compile(f"{begin}.*{end}", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"{PAGE.name} has no place for {name}: {begin} and {end}")
        text = pattern.sub(lambda _, whole=f"{begin}\n{table}\n{end}": whole, text)
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    for path in sorted(MEASURED.glob("*.csv")):
        figure = robustness.draw_curves(robustness.read_csv(path))
        figure.savefig(PAGE.with_name(f"robustness_{path.stem}.png"), bbox_inches="tight")
