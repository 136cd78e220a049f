"""How the house is built: rooms in one direction, no circles, backends in their places, sizes."""

import ast
import pathlib

import capszoo
from tests.once import ONCE

pytestmark = ONCE
PACKAGE = pathlib.Path(capszoo.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
# Who is further down may import who is further up.
FLOORS = [
    {"version", "validation", "kinds", "files", "registry", "device", "memory", "backend"}
    | {"interruption"},
    {"ops"},
    {"kernels"},
    {"routing"},
    {"losses", "metrics", "data", "layers"},
    {"models"},
    {"zoo"},
    {"training", "tuning", "visualization", "robustness", "export", "converters", "benchmarks"},
    {"demo"},
    {"cli"},
]
BACKENDS = {"jax", "tensorflow", "torch"}
MAY_IMPORT_BACKENDS = {"device.py", "backend.py"}
ROOMS_OF_BACKENDS = {"kernels"}
ROOMS_WITH_FILES_OF_BACKENDS = {"training", "tuning", "benchmarks", "robustness", "export"}
MAX_LINES = 300
MAX_SHARE_OF_ROOM = 0.15


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    """The names of what a file imports, wherever in it, as `from a import b` is `a.b`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports are not used here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def needed(path):
    """The files of the package that a file imports: a module, or else a room's `__init__`."""
    for name in imports(path):
        while name not in MODULES and "." in name:
            name = name.rpartition(".")[0]
        if name in MODULES and MODULES[name] != path:
            yield MODULES[name]


def circles(graph):
    """The groups of more than one file that can reach each other, by Tarjan's algorithm."""
    order, lowest, stack, found = {}, {}, [], []

    def visit(one):
        order[one] = lowest[one] = len(order)
        stack.append(one)
        for other in graph[one]:
            if other not in order:
                visit(other)
                lowest[one] = min(lowest[one], lowest[other])
            elif other in stack:
                lowest[one] = min(lowest[one], order[other])
        if lowest[one] == order[one]:
            group = stack[stack.index(one) :]
            del stack[stack.index(one) :]
            if len(group) > 1:
                found.append(sorted(str(path.relative_to(PACKAGE)) for path in group))

    for one in graph:
        if one not in order:
            visit(one)
    return found


def test_finds_circles():
    graph = {path: set() for path in FILES[:4]}
    a, b, c, d = graph
    graph[a], graph[b], graph[c], graph[d] = {b}, {c}, {a, d}, set()
    assert circles(graph) == [sorted(str(path.relative_to(PACKAGE)) for path in (a, b, c))]


def test_no_files_import_each_other_in_a_circle():
    assert circles({path: set(needed(path)) for path in FILES}) == []


def test_rooms_are_imported_in_one_direction():
    # Whoever opens the package sees every room, and none of the rooms asks it for anything.
    floor = {name: number for number, floor in enumerate(FLOORS) for name in floor}
    rooms = {path: room(path) for path in FILES if path.parent != PACKAGE or path.stem in floor}
    assert set(rooms.values()) <= set(floor), "a room without a floor"
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {other.relative_to(PACKAGE)}"
        for path, own in rooms.items()
        for other in needed(path)
        if other in rooms and room(other) != own and floor[room(other)] > floor[own]
    ]
    assert wrong == []


def test_backends_are_imported_in_their_places_alone():
    wrong = []
    for path in FILES:
        allowed = (
            room(path) in ROOMS_OF_BACKENDS | ROOMS_WITH_FILES_OF_BACKENDS
            or path.relative_to(PACKAGE).as_posix() in MAY_IMPORT_BACKENDS
        )
        names = {name.partition(".")[0] for name in imports(path)} & BACKENDS
        if names and not allowed:
            wrong.append(f"{path.relative_to(PACKAGE)} imports {', '.join(sorted(names))}")
    assert wrong == []


def test_files_are_short():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    long = {str(path.relative_to(PACKAGE)): own for path, own in lines.items() if own > MAX_LINES}
    assert long == {}


def room_or_family(path):
    """A room, but for families: each is a file of its own, and there may be any number."""
    is_family = path.parent == PACKAGE / "models" and "@register_family(" in path.read_text("utf-8")
    return f"family {path.stem}" if is_family else room(path)


def test_no_room_is_most_of_the_house():
    lines = dict.fromkeys(map(room_or_family, FILES), 0)
    assert "family capsnet" in lines
    for path in FILES:
        lines[room_or_family(path)] += len(path.read_text(encoding="utf-8").splitlines())
    total = sum(lines.values())
    large = {
        name: round(own / total, 3)
        for name, own in lines.items()
        if own > MAX_SHARE_OF_ROOM * total
    }
    assert large == {}
