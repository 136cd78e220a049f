"""The site is true: the code of its guides runs, its commands are commands, its pages are whole."""

import importlib.util
import pathlib
import re
import shlex

import pytest
import typer

import capszoo
from capszoo.cli.app import app
from capszoo.data.data_set import DATA_SETS
from capszoo.kernels import dynamic
from capszoo.models.registry import FAMILIES
from capszoo.models.registry import TASKS
from capszoo.routing.registry import ROUTINGS
from tests.once import ONCE

pytestmark = ONCE
ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
ROOMS = ["export", "layers", "losses", "metrics", "models", "ops", "robustness", "routing"]
ROOMS += ["visualization"]


def code_of(path):
    return re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


def commands_of(path):
    """The lines of a page's code that call the command, with what follows a backslash."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in re.findall(r"^ {4,}.*?\bcapszoo ((?:[a-z]+) .*)", text, re.MULTILINE):
        # The end of a string that began on another line, and what follows the command.
        line = line.rstrip("'") if line.count("'") % 2 else line
        words = shlex.split(line, comments=True)
        yield words[: words.index("&&")] if "&&" in words else words


@pytest.mark.parametrize("page", [page for page in PAGES if code_of(DOCS / page)])
def test_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Pages register names of their own: they are gone afterwards.
    for registry in (TASKS, FAMILIES, ROUTINGS, DATA_SETS):
        monkeypatch.setattr(registry, "items", dict(registry.items))
    monkeypatch.setattr(dynamic, "IMPLEMENTATIONS", list(dynamic.IMPLEMENTATIONS))
    names = {}
    for block in code_of(DOCS / page):
        exec(compile(block, page, "exec"), names)
    assert "capszoo" in names


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted(DOCS.glob("*.md"))], ids=str)
def test_commands_are_known(path):
    """Every command takes the options and as many arguments as the page gives it."""
    group = typer.main.get_command(app)
    for name, *arguments in commands_of(path):
        assert name in group.commands, f"{path.name}: capszoo {name}"
        group.commands[name].make_context(name, arguments)


def test_every_routing_has_a_page():
    pages = {path.stem for path in (DOCS / "routing").glob("*.md")}
    assert pages == {"index", "choosing", *capszoo.routing.names()}


def test_the_page_that_helps_to_choose_is_made_anew():
    spec = importlib.util.spec_from_file_location("docs_routings", DOCS / "routings.py")
    routings = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(routings)
    written = routings.PAGE.read_text(encoding="utf-8")
    assert routings.page() == written, "python docs/routings.py"
    assert all(f"`{name}`" in written for name in capszoo.routing.names())
    # What a layer refuses is no "yes".
    assert not routings.takes("DenseCapsules", {}, (6,), "uniform")


def test_what_was_measured_of_robustness_is_on_its_page():
    spec = importlib.util.spec_from_file_location("docs_robustness", DOCS / "robustness.py")
    robustness = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(robustness)
    written = robustness.PAGE.read_text(encoding="utf-8")
    assert robustness.page() == written, "python docs/robustness.py"


def test_the_table_of_exports_is_made_anew():
    spec = importlib.util.spec_from_file_location("docs_exports", DOCS / "exports.py")
    exports = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(exports)
    assert exports.page() == exports.PAGE.read_text(encoding="utf-8"), "python docs/exports.py"
    assert {row["family"] for row in exports.read()} <= set(exports.presets())


@pytest.mark.parametrize("room", ROOMS)
def test_the_reference_is_whole(room):
    """What a room shows is in the reference."""
    text = "".join(path.read_text(encoding="utf-8") for path in (DOCS / "api").glob("*.md"))
    shown = set(re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE))
    module = getattr(capszoo, room)
    public = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and callable(value)
        and getattr(value, "__module__", "").startswith(f"capszoo.{room}")
    }
    names = {f"capszoo.{room}.{name}" for name in public}
    elsewhere = {"capszoo.models.list_models", "capszoo.models.register_family"}
    assert names - elsewhere - shown == set()
