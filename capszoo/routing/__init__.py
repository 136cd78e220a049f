"""Routing algorithms: how votes are combined. One algorithm, one file, one class."""

from capszoo.routing.attention import AttentionRouting
from capszoo.routing.base import IterativeRouting
from capszoo.routing.base import Routing
from capszoo.routing.cluster import ClusterRouting
from capszoo.routing.deepcaps import DeepCapsRouting
from capszoo.routing.dynamic import DynamicRouting
from capszoo.routing.em import EMRouting
from capszoo.routing.interest import InterestRouting
from capszoo.routing.inverted_attention import InvertedAttentionRouting
from capszoo.routing.registry import get
from capszoo.routing.registry import get_class
from capszoo.routing.registry import names
from capszoo.routing.registry import register
from capszoo.routing.registry import serialize
from capszoo.routing.scaled_distance import ScaledDistanceRouting
from capszoo.routing.self_attention import SelfAttentionRouting
from capszoo.routing.self_routing import SelfRouting
from capszoo.routing.star import StarRouting
from capszoo.routing.uniform import UniformRouting
