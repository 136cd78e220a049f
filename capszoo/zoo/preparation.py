"""What scripts called before models prepared their images by themselves."""

import warnings


def prepare_images(preset, images):
    """Gives images back as they are: models prepare them.

    `capszoo.load` gives models that resize and crop what `capszoo.data.load` gives. For a model
    that takes images prepared elsewhere, see the argument `prepared` of `capszoo.load`.

    Args:
        preset: A `Preset`.
        images: Images.

    Returns:
        `images`.

    Example:

    >>> preset = capszoo.zoo.read_preset("em_capsnet_smallnorb")
    >>> with warnings.catch_warnings(action="ignore"):
    ...     capszoo.zoo.prepare_images(preset, np.zeros((10, 48, 48, 2), "uint8")).shape
    (10, 48, 48, 2)
    """
    warnings.warn(
        "capszoo.zoo.prepare_images does nothing any more: models of capszoo.load prepare their "
        "images by themselves. Give them the images as they are.",
        FutureWarning,
        stacklevel=2,
    )
    return images
