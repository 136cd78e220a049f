"""Presence of a capsule, kept from standing between being there and not by noise in training."""

import keras
from keras import ops

from capszoo.ops import widen
from capszoo.validation import check_number


@keras.saving.register_keras_serializable(package="capszoo")
class NoisyPresence(keras.layers.Layer):
    """Computes how present capsules are from their logits, with noise in training.

    `sigmoid(logit + u)`, `u` uniform between `-noise` and `noise` in training and 0 elsewhere: a
    presence that has to be sure of itself comes to be near 0 or 1.

    Args:
        noise: How large the noise may be. Defaults to `2.0`.
        seed: Seed of the noise. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        logits: Tensor of any shape.
        training: Whether there is noise. Defaults to `None`, as the model around it.

    Input shape:
        Any.

    Output shape:
        That of the input; float32 whatever the policy.

    Raises:
        ValueError: If `noise` is negative.

    Example:

    >>> float(capszoo.layers.NoisyPresence()(np.zeros((1, 1), "float32"))[0, 0])
    0.5

    Reference:

    - [Kosiorek et al., 2019](https://arxiv.org/abs/1906.06818)
    """

    def __init__(self, noise=2.0, seed=None, **kwargs):
        check_number("noise", noise, 0)
        super().__init__(**kwargs)
        self.noise = noise
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, logits, training=None):
        logits = widen(logits)
        if training and self.noise:
            shape = ops.shape(logits)
            logits = logits + keras.random.uniform(
                shape, -self.noise, self.noise, seed=self.seed_generator
            )
        return ops.sigmoid(logits)

    def compute_output_spec(self, logits, training=None):
        return keras.KerasTensor(logits.shape, dtype="float32")

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "noise": self.noise, "seed": self.seed}
