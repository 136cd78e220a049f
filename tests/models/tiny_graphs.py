"""Graphs of pictures: rows are nodes, each joined to the next."""

import numpy as np

from capszoo.data.graphs import Graph
from capszoo.data.graphs import pack_graphs


def graphs_of(pictures):
    """Packed graphs of pictures of one channel; a node knows its pixels and which row it is."""
    number, rows, columns, _ = pictures.shape
    edges = [(row, row + 1) for row in range(rows - 1)]
    pixels = pictures[..., 0].astype("float32") / 255
    known = np.concatenate([pixels, np.broadcast_to(np.eye(rows), (number, rows, rows))], axis=-1)
    return pack_graphs([Graph(nodes, edges) for nodes in known], (rows, columns + rows))
