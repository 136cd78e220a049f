"""Routing algorithms: how votes are combined. One algorithm, one file, one class."""

from capszoo.routing.base import IterativeRouting
from capszoo.routing.base import Routing
from capszoo.routing.dynamic import DynamicRouting
from capszoo.routing.registry import get
from capszoo.routing.registry import names
from capszoo.routing.registry import register
from capszoo.routing.registry import serialize
