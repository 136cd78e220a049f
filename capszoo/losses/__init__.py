"""Losses of capsule networks that Keras does not have."""

from capszoo.losses.margin import MarginLoss
from capszoo.losses.negative_log_likelihood import NegativeLogLikelihood
from capszoo.losses.reconstruction import ReconstructionLoss
from capszoo.losses.softmax_crossentropy import SoftmaxCrossentropy
from capszoo.losses.spread import SpreadLoss
from capszoo.losses.spread import SpreadMargin
