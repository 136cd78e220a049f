"""Gradients on TensorFlow."""

import tensorflow as tf


def gradients_of_sum(function, tensor):
    """Gives the gradient of a function of one number."""
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        value = function(tensor)
    return tape.gradient(value, tensor)
