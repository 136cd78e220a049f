"""How an input end normalizes what goes into a model."""

import keras


def normalize(features, normalization, standardization, dtype):
    """Normalizes examples by themselves, or by moments of their channels.

    Args:
        features: Symbolic tensor, its channels last.
        normalization: `None`, a name, which stands for the standardization, or a dictionary of the
            channels' `mean` and `variance`.
        standardization: The layer that brings each example to mean 0 and deviation 1.
        dtype: Dtype or policy of the layer that takes moments.

    Returns:
        Symbolic tensor.

    Raises:
        ValueError: If there are not as many moments as channels.
    """
    if normalization is None:
        return features
    if not isinstance(normalization, dict):
        return standardization(features)
    channels = features.shape[-1]
    for key, numbers in normalization.items():
        if isinstance(numbers, (tuple, list)) and len(numbers) not in (1, channels):
            raise ValueError(
                f"Expected the {key} of `normalization` for each of {channels} channels, or one "
                f"for all. Received: {len(numbers)}"
            )
    return keras.layers.Normalization(**normalization, dtype=dtype, name="normalization")(features)
