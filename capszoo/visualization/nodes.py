"""Which nodes of a graph its class was given by."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import shortest_path

from capszoo.visualization.figures import GREY
from capszoo.visualization.figures import new_figure

# More are a knot that says nothing.
MOST_NODES = 200


def why_no_nodes(graph) -> str | None:
    """Says why nodes of a graph are not drawn, or `None` where they are.

    Args:
        graph: A `capszoo.data.Graph`.

    Returns:
        The reason, or `None`.
    """
    if graph.size > MOST_NODES:
        return f"graphs of up to {MOST_NODES} nodes are drawn, this one has {graph.size}"
    return None


def draw_nodes(graph, shares, name):
    """Draws a graph, its nodes in the colour of their share of what the class was given.

    Nodes that few edges part stand close to each other (multidimensional scaling of the distances
    along edges); where they stand says nothing else.

    Args:
        graph: A `capszoo.data.Graph` of at most 200 nodes.
        shares: The share of each node, as `capszoo.models.CapsGNN.node_shares` gives them.
        name: Name of the class.

    Returns:
        A Matplotlib figure. Where nodes have labels, their numbers stand in them.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If the shares are not one for each node, or the graph has too many nodes.

    Example:

    >>> water = capszoo.data.Graph(nodes=[1, 0, 0], edges=[(0, 1), (0, 2)])
    >>> figure = capszoo.visualization.draw_nodes(water, [0.6, 0.2, 0.2], "water")
    """
    shares = np.asarray(shares)
    if shares.shape != (graph.size,):
        raise ValueError(
            f"Expected a share for each of {graph.size} nodes. Received: shape {shares.shape}"
        )
    if reason := why_no_nodes(graph):
        raise ValueError(f"Too many nodes: {reason}.")
    places = _places(graph)
    figure = new_figure(7.0, 5.5)
    axis = figure.subplots()
    for one, other in graph.edges:
        axis.plot(*places[[one, other]].T, color=GREY, linewidth=1.5, zorder=1)
    dots = axis.scatter(
        *places.T,
        c=100 * shares,
        s=260,
        cmap="viridis",
        vmin=0,
        edgecolors="black",
        linewidths=0.6,
        zorder=2,
    )
    if graph.nodes.ndim == 1:
        bright = shares > 0.6 * shares.max()
        for place, label, is_bright in zip(places, graph.nodes, bright, strict=True):
            colour = "black" if is_bright else "white"
            axis.annotate(
                str(label), place, ha="center", va="center", fontsize=8, color=colour, zorder=3
            )
    axis.set_title(f"{name}: what each node gave the class", loc="left")
    axis.set_axis_off()
    axis.set_aspect("equal")
    figure.colorbar(dots, ax=axis, label="share of what the class was given, %", shrink=0.8)
    return figure


def _places(graph):
    """A place in the plane for each node, so far apart as there are edges between them."""
    from sklearn.manifold import smacof

    if graph.size == 1:
        return np.zeros((1, 2))
    ends = graph.edges.T if len(graph.edges) else np.zeros((2, 0), "int64")
    joined = coo_array((np.ones(ends.shape[1]), tuple(ends)), shape=(graph.size,) * 2)
    apart = shortest_path(joined.tocsr(), directed=False, unweighted=True)
    reached = apart[np.isfinite(apart)]
    # Parts that nothing joins stand a little farther away than the farthest that something does.
    apart[~np.isfinite(apart)] = reached.max() + 2
    return smacof(apart, n_components=2, n_init=4, random_state=0, normalized_stress=False)[0]
