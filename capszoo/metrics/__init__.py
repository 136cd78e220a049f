"""Metrics of capsule networks that Keras does not have."""

from capszoo.metrics.frechet import frechet_distance
from capszoo.metrics.hausdorff import hausdorff_distance_95
from capszoo.metrics.overlap import DiceScore
from capszoo.metrics.overlap import IntersectionOverUnion
from capszoo.metrics.part_overlap import explained_by_parts
from capszoo.metrics.part_overlap import grid_labels
from capszoo.metrics.part_overlap import part_overlap
from capszoo.metrics.recall import RecallAtK
from capszoo.metrics.subset_accuracy import SubsetAccuracy
