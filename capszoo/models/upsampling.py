"""From coarse maps to pictures: what the generators have in common."""

from typing import Any

import keras

from capszoo.validation import check_image_shape


def coarse_size(image_shape) -> tuple[int, int]:
    """Gives height and width of the maps that a generator begins with, a quarter of a picture's.

    Args:
        image_shape: `(height, width, channels)`.

    Returns:
        Pair of integers.

    Raises:
        ValueError: If height or width is no multiple of 4.

    Example:

    >>> capszoo.models.upsampling.coarse_size((28, 28, 1))
    (7, 7)
    """
    height, width, _ = check_image_shape(image_shape)
    if height % 4 or width % 4:
        raise ValueError(
            "The size of the pictures is doubled twice: expected a height and a width that are "
            f"multiples of 4. Received: image_shape={tuple(image_shape)}"
        )
    return height // 4, width // 4


def picture_of(latents, image_shape, filters, dtype):
    """Makes the graph of a generator of convolutions.

        latent - dense - normalization, ReLU - doubled - normalization, ReLU - doubled, sigmoid

    Args:
        latents: Symbolic latents `(batch, size)`.
        image_shape: `(height, width, channels)` of the pictures.
        filters: How many maps of a quarter and of half the size there are.
        dtype: Dtype or policy of the layers.

    Returns:
        Symbolic pictures `(batch, height, width, channels)`, from 0 to 1, float32.
    """
    coarse, fine = filters
    features = coarse_maps(latents, image_shape, coarse, dtype)
    features = normalized(doubled(features, fine, "doubled", dtype), "relu", "fine", dtype)
    return doubled(features, image_shape[-1], "picture", "float32", "sigmoid")


def coarse_maps(latents, image_shape, filters: int, dtype):
    """Makes maps of a quarter of a picture's size of latents.

        latent - dense - normalization, ReLU

    Args:
        latents: Symbolic latents `(batch, size)`.
        image_shape: `(height, width, channels)` of the pictures.
        filters: How many maps there are.
        dtype: Dtype or policy of the layers.

    Returns:
        Symbolic maps `(batch, height / 4, width / 4, filters)`.
    """
    height, width = coarse_size(image_shape)
    # A bias would be taken away by the normalization.
    features = keras.layers.Dense(
        height * width * filters, use_bias=False, dtype=dtype, name="dense"
    )(latents)
    features = keras.layers.Reshape((height, width, filters), dtype=dtype)(features)
    return normalized(features, "relu", "coarse", dtype)


def with_halved_filters(values: dict[str, Any]) -> dict[str, Any]:
    """Makes `generator_filters` of the one number that a search chooses: half as many after it.

    Args:
        values: Maps the names of arguments to their values.

    Returns:
        Dictionary of the same form.

    Example:

    >>> capszoo.models.upsampling.with_halved_filters({"generator_filters": 64})
    {'generator_filters': [64, 32]}
    """
    if "generator_filters" not in values:
        return values
    coarse = values["generator_filters"]
    return {**values, "generator_filters": [coarse, coarse // 2]}


def normalized(features, activation: str, name: str, dtype):
    """Brings maps to mean 0 and deviation 1 over the batch, and applies an activation.

    Args:
        features: Symbolic maps `(batch, height, width, channels)`.
        activation: Name of the activation.
        name: What the layers are called after.
        dtype: Dtype or policy of the layers.

    Returns:
        Symbolic maps of the same shape.
    """
    features = keras.layers.BatchNormalization(
        axis=-1, momentum=0.9, dtype=dtype, name=f"normalization_{name}"
    )(features)
    return keras.layers.Activation(activation, dtype=dtype, name=f"activation_{name}")(features)


def doubled(features, filters: int, name: str, dtype, activation: str | None = None):
    """Doubles the size of maps by a transposed convolution.

    Args:
        features: Symbolic maps `(batch, height, width, channels)`.
        filters: How many maps are made.
        name: Name of the layer.
        dtype: Dtype or policy of the layer.
        activation: Name of the activation. Defaults to `None`.

    Returns:
        Symbolic maps `(batch, 2 height, 2 width, filters)`.
    """
    return keras.layers.Conv2DTranspose(
        filters,
        5,
        strides=2,
        padding="same",
        activation=activation,
        use_bias=activation is not None,
        data_format="channels_last",
        dtype=dtype,
        name=name,
    )(features)
