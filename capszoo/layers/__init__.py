"""Capsule layers: how votes are made, and what stands before and after them."""

from capszoo.layers.capsule_layer import CapsuleLayer
from capszoo.layers.capsule_length import CapsuleLength
from capszoo.layers.capsule_mask import CapsuleMask
from capszoo.layers.conv2d import Conv2D
from capszoo.layers.conv_capsules import ConvCapsules2D
from capszoo.layers.dense_capsules import DenseCapsules
from capszoo.layers.dense_decoder import DenseDecoder
from capszoo.layers.primary_capsules import PrimaryCapsules
