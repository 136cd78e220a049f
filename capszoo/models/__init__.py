"""Families of capsule networks: one family, one file, one class."""

from capszoo.models.capsnet import CapsNet
from capszoo.models.classifier import CapsuleClassifier
from capszoo.models.registry import get_family
from capszoo.models.registry import list_models
from capszoo.models.registry import register_family
