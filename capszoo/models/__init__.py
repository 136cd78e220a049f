"""Models: an input end, a body of capsule layers and a task. One family, one file, one class."""

from capszoo.models.ar_capsnet import ARCapsNet
from capszoo.models.capsnet import CapsNet
from capszoo.models.capsule_model import CapsuleModel
from capszoo.models.capsule_model import preset_functions
from capszoo.models.cluster_capsnet import ClusterCapsNet
from capszoo.models.deepcaps import DeepCapsNet
from capszoo.models.efficient_capsnet import EfficientCapsNet
from capszoo.models.em_capsnet import EMCapsNet
from capszoo.models.inverted_attention_capsnet import InvertedAttentionCapsNet
from capszoo.models.registry import get_family
from capszoo.models.registry import list_models
from capszoo.models.registry import register_family
from capszoo.models.registry import register_task
from capszoo.models.residual_capsnet import ResidualCapsNet
from capszoo.models.self_routing_capsnet import SelfRoutingCapsNet
from capszoo.models.signal_capsnet import SignalCapsNet
from capszoo.models.tasks import CapsuleClassifier
