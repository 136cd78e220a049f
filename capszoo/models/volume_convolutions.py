"""The convolutions of networks for volumes: of features, and from features to volumes."""

import keras


def convolve(features, filters, kernel_size, name, dtype, dilation=1, activation=None):
    """Convolves volumes, with instance normalization and an activation.

    Args:
        features: Symbolic tensor `(batch, depth, height, width, channels)`.
        filters: How many filters there are.
        kernel_size: Size of their windows in voxels, one number or three.
        name: What the layers are called by.
        dtype: Dtype or policy of the layers.
        dilation: Distance of the voxels that a window sees. Defaults to `1`.
        activation: Name of the activation. Defaults to `None`, PReLU with one slope.

    Returns:
        Symbolic tensor `(batch, depth, height, width, filters)`.
    """
    features = keras.layers.Conv3D(
        filters,
        kernel_size,
        padding="same",
        dilation_rate=dilation,
        use_bias=False,
        data_format="channels_last",
        dtype=dtype,
        name=name,
    )(features)
    features = keras.layers.GroupNormalization(
        groups=-1, epsilon=1e-5, center=False, scale=False, dtype=dtype, name=f"{name}_norm"
    )(features)
    if activation is not None:
        return keras.layers.Activation(activation, dtype=dtype, name=f"{name}_{activation}")(
            features
        )
    return keras.layers.PReLU(
        alpha_initializer=keras.initializers.Constant(0.25),
        shared_axes=(1, 2, 3, 4),
        dtype=dtype,
        name=f"{name}_prelu",
    )(features)


def reconstruct(features, channels, filters, dtype):
    """Pointwise convolutions from the decoder's features to volumes.

    Args:
        features: Symbolic tensor `(batch, depth, height, width, filters)`.
        channels: How many channels the volumes have.
        filters: Filters of the convolutions, with ReLU, before the last.
        dtype: Dtype or policy of the layers.

    Returns:
        Symbolic tensor `(batch, depth, height, width, channels)`.
    """
    for number, count in enumerate(filters, start=1):
        features = keras.layers.Conv3D(
            count,
            1,
            activation="relu",
            data_format="channels_last",
            dtype=dtype,
            name=f"reconstruction_{number}",
        )(features)
    return keras.layers.Conv3D(
        channels, 1, data_format="channels_last", dtype=dtype, name="reconstructions"
    )(features)
