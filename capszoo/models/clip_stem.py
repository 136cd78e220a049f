"""The convolutions that features of clips are made by."""

import keras


def check_stem(filters, strides) -> None:
    """Raises `ValueError` unless there are strides for each convolution, and one at least."""
    if not filters or len(filters) != len(strides):
        raise ValueError(
            "Arguments `conv_filters` and `conv_strides` must be of one length, at least 1. "
            f"Received: {tuple(filters)} and {tuple(strides)}"
        )


def stem_of_search(found) -> None:
    """Makes four `conv_filters` of the first, which a search chose: each next has as many more."""
    if "conv_filters" in found:
        found["conv_filters"] = [number * found["conv_filters"] for number in (1, 2, 3, 4)]


def clip_stem(features, filters, kernel_size, strides, batch_normalization, dtype):
    """Convolves clips one time after the other, over frames, rows and columns.

    Each convolution keeps the size but for its strides; batch normalization, where there is one,
    comes before its ReLU.

    Args:
        features: Symbolic clips `(batch, frames, height, width, channels)`.
        filters: Filters of each convolution.
        kernel_size: Size of their windows, one integer or three.
        strides: Step between the windows of each, one integer or three.
        batch_normalization: Whether what they give is normalized.
        dtype: Dtype or policy of the layers.

    Returns:
        Symbolic features.

    Example:

    >>> clips = keras.Input((8, 32, 32, 1))
    >>> stem = capszoo.models.clip_stem.clip_stem
    >>> stem(clips, (16, 32), 3, ((1, 2, 2), 2), True, "float32").shape
    (None, 4, 8, 8, 32)
    """
    for number, (own, step) in enumerate(zip(filters, strides, strict=True), start=1):
        features = keras.layers.Conv3D(
            own,
            kernel_size,
            strides=step,
            padding="same",
            use_bias=not batch_normalization,
            kernel_initializer="he_normal",
            data_format="channels_last",
            dtype=dtype,
            name=f"conv_{number}",
        )(features)
        if batch_normalization:
            features = keras.layers.BatchNormalization(
                axis=-1, momentum=0.9, dtype=dtype, name=f"normalization_{number}"
            )(features)
        features = keras.layers.ReLU(dtype=dtype, name=f"relu_{number}")(features)
    return features
