"""Which capsule chose which: the strongest ways from a class down through the capsule layers."""

import dataclasses

import numpy as np

from capszoo.ops import Windows
from capszoo.visualization.figures import ACCENT
from capszoo.visualization.figures import INK
from capszoo.visualization.figures import name_of
from capszoo.visualization.figures import new_figure
from capszoo.visualization.pictures import check_pictures
from capszoo.visualization.routed_layers import route
from capszoo.visualization.routed_layers import routed_layers


@dataclasses.dataclass(frozen=True)
class Node:
    """A capsule of a parse tree.

    Attributes:
        layer: Name of the layer it comes from; `"children"` below the first routed one.
        position: Where on the layer's map it stands, `(row, column)`; `()` without a map.
        type: Its number among the capsules there.
        presence: Its activation, or the length of its pose.
    """

    layer: str
    position: tuple[int, ...]
    type: int
    presence: float


@dataclasses.dataclass(frozen=True)
class Edge:
    """A child and a parent of a parse tree.

    Attributes:
        parent: The `Node` above.
        child: The `Node` below.
        coupling: How much of the child went to the parent.
        share: How much of all that the parent was given it was, 0 to 1.
    """

    parent: Node
    child: Node
    coupling: float
    share: float


def why_no_parse_tree(model) -> str | None:
    """Says why there is no parse tree of a model; `None` where there is one.

    Args:
        model: A `capszoo.models.CapsuleModel`.

    Returns:
        The reason.

    Example:

    >>> model = capszoo.models.CapsNet((20, 20, 1))
    >>> capszoo.visualization.why_no_parse_tree(model)
    'it has a single layer of routed capsules'
    """
    if model.task != "classification" or len(model.example_shape) != 3:
        return "it does not classify pictures"
    layers = list(routed_layers(model).values())
    if len(layers) < 2:
        return "it has a single layer of routed capsules"
    for layer in layers:
        if getattr(layer, "votes_from", "positions") == "types":
            return f"children of layer '{layer.name}' are whole windows"
    sizes = [_poses(layer.output).shape[1:-1] for layer in layers[:-1]]
    seen = [_poses(layer.input).shape[1:-1] for layer in layers[1:]]
    if any(np.prod(size) != np.prod(own) for size, own in zip(sizes, seen, strict=True)):
        return "other layers than routed ones stand between"
    return None


def parse_tree(model, image, strongest: int = 3, number_of_class=None) -> list[Edge]:
    """Finds the strongest children of a class capsule, the strongest of these, and so on.

    What a child gives its parent is its coupling times how present it is.

    Args:
        model: A `capszoo.models.CapsuleModel` with several routed layers.
        image: One picture, as the model takes it, without the batch axis.
        strongest: How many children of each parent. Defaults to `3`.
        number_of_class: Which class. Defaults to `None`, the one with the highest score.

    Returns:
        List of `Edge`, from above.

    Raises:
        ValueError: If the model has no parse tree; see `why_no_parse_tree`.

    Example:

    >>> model = capszoo.load("em_capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> edges = capszoo.visualization.parse_tree(model, images[0], strongest=2)
    >>> [len(edges), edges[0].parent.type]
    [6, 1]
    """
    reason = why_no_parse_tree(model)
    if reason:
        raise ValueError(f"There is no parse tree of model '{model.name}': {reason}.")
    images = np.asarray(image)[None]
    check_pictures(model, images)
    names = list(routed_layers(model))
    routed = {name: route(model, images, layer=name) for name in names}
    top = routed[names[-1]].parents[0]
    best = int(top.argmax()) if number_of_class is None else number_of_class
    parents = [Node(names[-1], (), best, float(top[best]))]
    edges: list[Edge] = []
    for below, name in zip(["children", *names][-2::-1], names[::-1], strict=True):
        found = [
            edge for parent in parents for edge in _edges(routed[name], parent, below, strongest)
        ]
        edges += found
        parents = list(dict.fromkeys(edge.child for edge in found))
    return edges


def draw_parse_tree(model, image, strongest: int = 3, names=None):
    """Draws the strongest ways from the best class down through the capsule layers.

    Args:
        model: A `capszoo.models.CapsuleModel` with several routed layers.
        image: One picture, as the model takes it, without the batch axis.
        strongest: How many children of each parent. Defaults to `3`.
        names: Names of the classes. Defaults to `None`, numbers.

    Returns:
        A Matplotlib figure.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If the model has no parse tree; see `why_no_parse_tree`.

    Example:

    >>> model = capszoo.load("em_capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> figure = capszoo.visualization.draw_parse_tree(model, images[0])
    """
    edges = parse_tree(model, image, strongest)
    layers = [*reversed(list(routed_layers(model))), "children"]
    nodes = list(dict.fromkeys([edges[0].parent, *(edge.child for edge in edges)]))
    places = {}
    for level, layer in enumerate(layers):
        own = [node for node in nodes if node.layer == layer]
        for number, node in enumerate(own):
            places[node] = ((number + 0.5) / len(own), -level)
    widest = max(sum(node.layer == layer for node in nodes) for layer in layers)
    figure = new_figure(min(max(7.0, 1.0 + 0.62 * widest), 20.0), 0.9 + 1.7 * len(layers))
    axis = figure.subplots()
    axis.axis("off")
    for edge in edges:
        (x, y), (below, lower) = places[edge.parent], places[edge.child]
        axis.plot(
            [x, below], [y, lower], color=ACCENT, lw=0.4 + 6 * edge.share, alpha=0.6, zorder=1
        )
    for node, (x, y) in places.items():
        axis.scatter([x], [y], s=40 + 260 * min(node.presence, 1.0), color=INK, zorder=2)
        label = name_of(node.type, names) if node.layer == layers[0] else f"type {node.type}"
        where = f"\nat {', '.join(map(str, node.position))}" if node.position else ""
        style = {"ha": "center", "va": "top", "fontsize": 7, "zorder": 3}
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
        axis.text(x, y - 0.13, f"{label}{where}", bbox=box, **style)
    for level, layer in enumerate([*layers[:-1], _below(model)]):
        axis.text(-0.02, -level, layer.replace("_", " "), ha="right", va="center", weight="bold")
    axis.set_xlim(-0.16, 1.02)
    axis.set_ylim(0.55 - len(layers), 0.25)
    figure.suptitle(
        "Who chose whom: the strongest children of each capsule\n"
        "line: share of what the parent was given · dot: how present the capsule is · "
        "at: row, column of its map",
        fontsize=10,
    )
    return figure


def _edges(routed, parent, below, strongest):
    """The strongest edges of one parent down to the children that its layer sees."""
    size = routed.presence.shape[1:]
    grid = size[:-1]
    coupling = routed.coupling[0]
    coupling = coupling[(*parent.position, parent.type)]
    if hasattr(routed.layer, "votes_from"):
        types = size[-1]
        layer = routed.layer
        windows = Windows(grid, layer.kernel_size, layer.strides, layer.padding)
        row = np.ravel_multi_index(parent.position, windows.grid) if parent.position else 0
        # Which position of the map each place of the window is; the last stands for none.
        places = windows.children()[row]
        children = (places[:, None] * types + np.arange(types)).reshape(-1)
        inside = np.repeat(places < np.prod(grid), types)
    else:
        children = np.arange(coupling.size)
        inside = np.ones(coupling.size, bool)
    presence = routed.presence[0].reshape(-1)
    own = np.where(inside, presence[np.where(inside, children, 0)], 0.0)
    given = coupling.reshape(-1) * own
    total = given.sum() or 1.0
    edges = []
    for index in np.argsort(-given, kind="stable")[:strongest]:
        *position, kind = np.unravel_index(int(children[index]), size)
        child = Node(below, tuple(map(int, position)), int(kind), float(own[index]))
        edges.append(Edge(parent, child, float(coupling.reshape(-1)[index]), given[index] / total))
    return edges


def _below(model):
    """The name of the layer whose capsules are the children of the first routed one."""
    first = next(iter(routed_layers(model).values()))
    return _poses(first.input)._keras_history[0].name


def _poses(capsules):
    return capsules[0] if isinstance(capsules, (tuple, list)) else capsules
