"""Capsule layers: how votes are made, and what stands before and after them."""

from capszoo.layers.activated_primary_capsules import ActivatedPrimaryCapsules
from capszoo.layers.activation_to_length import ActivationToLength
from capszoo.layers.capsule_cell import CapsuleCell
from capszoo.layers.capsule_layer import CapsuleLayer
from capszoo.layers.capsule_length import CapsuleLength
from capszoo.layers.capsule_mask import CapsuleMask
from capszoo.layers.capsule_normalization import CapsuleNormalization
from capszoo.layers.class_capsules import ClassCapsules
from capszoo.layers.conv2d import Conv2D
from capszoo.layers.conv_capsules import ConvCapsules1D
from capszoo.layers.conv_capsules import ConvCapsules2D
from capszoo.layers.conv_capsules import ConvCapsules3D
from capszoo.layers.deconvolution_decoder import DeconvolutionDecoder
from capszoo.layers.dense_capsules import DenseCapsules
from capszoo.layers.dense_decoder import DenseDecoder
from capszoo.layers.depthwise_primary_capsules import DepthwisePrimaryCapsules
from capszoo.layers.image_preparation import ImagePreparation
from capszoo.layers.image_standardization import ImageStandardization
from capszoo.layers.primary_capsules import PrimaryCapsules
from capszoo.layers.primary_capsules import PrimaryCapsules1D
from capszoo.layers.primary_capsules import PrimaryCapsules3D
from capszoo.layers.residual_capsules import ResidualCapsules
from capszoo.layers.transposed_conv_capsules import TransposedConvCapsules1D
from capszoo.layers.transposed_conv_capsules import TransposedConvCapsules2D
from capszoo.layers.transposed_conv_capsules import TransposedConvCapsules3D
