"""Floating point operations and bytes of a model, counted from its shapes."""

import math

import keras

from capszoo.layers import CapsuleCell
from capszoo.layers import ConcurrentCapsules
from capszoo.layers import DeconvolutionDecoder
from capszoo.layers import ResidualCapsules
from capszoo.layers.capsule_layer import CapsuleLayer
from capszoo.layers.transposed_conv_capsules import TransposedConvCapsules

# Forward, and backward once for the inputs and once for the weights.
TRAINING = 3
_BYTES = 4


def count_model(model, batch):
    """Counts what one inference of a model must do at least.

    A product with a weight counts two operations for each number it yields and each it sums
    up; a routing two for each vote and pass over the votes, twice an iteration. Every layer
    reads its inputs and weights and writes its outputs once, in float32; votes are never
    written. Elementwise work and normalization are not counted. Training does three times as
    much. A convolution in the frequency domain does with fewer operations than this counts.

    Args:
        model: A built model of layers.
        batch: Number of samples.

    Returns:
        Number of operations and number of bytes.

    Example:

    >>> model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(4)])
    >>> capszoo.benchmarks.counting.count_model(model, 2)
    (160, 288)
    """
    operations = memory = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        inputs, outputs = _shapes(layer.input, batch), _shapes(layer.output, batch)
        weights = sum(math.prod(weight.shape) for weight in layer.weights)
        operations += count_layer(layer, inputs[0], outputs[0])
        memory += _BYTES * (weights + sum(map(math.prod, inputs + outputs)))
    return operations, memory


def count_votes(votes, child_dim, passes):
    """Operations to make a number of votes and go over them a number of times."""
    return 2 * votes * (child_dim + passes)


def _shapes(tensors, batch):
    return [(batch, *tensor.shape[1:]) for tensor in keras.tree.flatten(tensors)]


def count_layer(layer, inputs, outputs):
    """Operations of one layer, from the shapes of its input and output."""
    if isinstance(layer, ResidualCapsules | ConcurrentCapsules):
        total = 0
        for inner in layer.layers:
            outputs = inner.compute_output_shape(inputs)
            total += count_layer(inner, inputs, outputs)
            inputs = outputs
        return total
    if isinstance(layer, CapsuleCell) and layer.routed_skip is not None:
        skip = count_layer(layer.routed_skip, outputs, outputs)
        return _products(layer.kernels.values(), outputs) + skip
    if isinstance(layer, DeconvolutionDecoder):
        total = _products(layer.dense.trainable_weights, outputs)
        maps = (outputs[0], *layer.map_shape)
        for inner in layer.deconvolutions:
            # A window goes over what is spread out, not over what comes of it.
            total += _products(inner.trainable_weights, maps)
            maps = inner.compute_output_shape(maps)
        return total
    if isinstance(layer, CapsuleLayer):
        votes = math.prod(layer.compute_votes_shape(inputs))
        if layer.kernel is None:
            return count_votes(votes, 0, 2)
        *window, summed, _, _, _ = layer.kernel.shape
        if getattr(layer, "votes_from", None) == "types":
            summed *= math.prod(window[1:])
        elif isinstance(layer, TransposedConvCapsules):
            # A position sees each place of the window once in as many as the strides make.
            summed *= max(math.prod(window[1:]) // math.prod(layer.strides), 1)
        return count_votes(votes, summed, 2 * getattr(layer.routing, "iterations", 1))
    return _products(layer.trainable_weights, outputs)


def _products(kernels, outputs):
    # A convolution's kernel works at each position of its map, a dense one once a sample.
    batch, *sizes = outputs

    def positions(rank):
        return math.prod(sizes[: rank - 2]) if 4 <= rank <= len(sizes) + 1 else 1

    return sum(
        2 * math.prod(kernel.shape) * batch * positions(len(kernel.shape))
        for kernel in kernels
        if len(kernel.shape) >= 2
    )
