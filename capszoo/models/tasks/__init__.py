"""Tasks: what a model is for, its outputs, labels, losses and measures."""

from capszoo.models.tasks.classifier import CapsuleClassifier
