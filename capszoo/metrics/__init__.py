"""Metrics of capsule networks that Keras does not have."""

from capszoo.metrics.subset_accuracy import SubsetAccuracy
