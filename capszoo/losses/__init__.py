"""Losses of capsule networks that Keras does not have."""

from capszoo.losses.histogram import HistogramLoss
from capszoo.losses.margin import MarginLoss
from capszoo.losses.negative_log_likelihood import NegativeLogLikelihood
from capszoo.losses.no_loss import NoLoss
from capszoo.losses.reconstruction import ReconstructionLoss
from capszoo.losses.segmentation import SegmentationLoss
from capszoo.losses.softmax_crossentropy import SoftmaxCrossentropy
from capszoo.losses.sparsity import presence_entropies
from capszoo.losses.sparsity import presence_sparsity
from capszoo.losses.spread import SpreadLoss
from capszoo.losses.spread import SpreadMargin
