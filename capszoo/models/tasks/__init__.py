"""Tasks: what a model is for, its outputs, labels, losses and measures."""

from capszoo.models.tasks.autoencoder import CapsuleAutoencoder
from capszoo.models.tasks.classifier import CapsuleClassifier
from capszoo.models.tasks.generator import CapsuleGenerator
from capszoo.models.tasks.localizer import CapsuleLocalizer
from capszoo.models.tasks.segmenter import CapsuleSegmenter
