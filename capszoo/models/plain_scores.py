"""The scores of a network without capsules, a control."""

import keras


def plain_scores(features, num_classes):
    """Makes the scores of a control: the softmax of a linear layer, of one class a sigmoid.

    Args:
        features: Symbolic features `(batch, width)`.
        num_classes: How many classes there are.

    Returns:
        Symbolic scores `(batch, num_classes)`, float32 whatever the policy.

    Example:

    >>> capszoo.models.plain_scores.plain_scores(keras.Input((8,)), 3).shape
    (None, 3)
    """
    return keras.layers.Dense(
        num_classes,
        activation="softmax" if num_classes > 1 else "sigmoid",
        dtype="float32",
        name="scores",
    )(features)
