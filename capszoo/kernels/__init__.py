"""The same numbers, faster: routing without all votes in memory, gradients written out.

One door per algorithm: `capszoo.kernels.<algorithm>.select(votes, ...)` gives a function that
computes what the routing's `call` does, or `None`.
"""

from capszoo.kernels import cluster
from capszoo.kernels import deepcaps
from capszoo.kernels import dynamic
from capszoo.kernels import em
from capszoo.kernels import in_tiles
from capszoo.kernels import inverted_attention
from capszoo.kernels import self_attention
from capszoo.kernels import self_routing
from capszoo.kernels.selection import disabled
