"""Families of capsule networks: one family, one file, one class."""

from capszoo.models.capsnet import CapsNet
from capszoo.models.classifier import CapsuleClassifier
from capszoo.models.cluster_capsnet import ClusterCapsNet
from capszoo.models.efficient_capsnet import EfficientCapsNet
from capszoo.models.em_capsnet import EMCapsNet
from capszoo.models.registry import get_family
from capszoo.models.registry import list_models
from capszoo.models.registry import register_family
from capszoo.models.residual_capsnet import ResidualCapsNet
