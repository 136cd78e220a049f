"""Images as a preset's model takes them: resized, and the middle cut out."""

from capszoo.data.datasets import NAMED_SETS
from capszoo.data.images import read_image
from capszoo.data.images import resize_images


def prepare_images(preset, images):
    """Makes of images, as `capszoo.data.load` gives them, what a preset's model takes.

    Presets that crop were trained on parts of each image at random places; they are measured,
    and used, on its middle.

    Args:
        preset: A `Preset`.
        images: uint8 array of shape `(n, height, width, channels)`.

    Returns:
        uint8 array of shape `(n, height, width, channels)`: `images` as they are where the
        preset neither resizes nor crops.

    Raises:
        ValueError: If the images are smaller than what the preset cuts out of them.

    Example:

    >>> preset = capszoo.zoo.read_preset("em_capsnet_smallnorb")
    >>> pairs = np.zeros((10, 48, 48, 2), "uint8")
    >>> capszoo.zoo.prepare_images(preset, pairs).shape
    (10, 32, 32, 2)
    """
    return crop_middle(preset, resize(preset, images))


def resize(preset, images):
    """Resizes images as a preset does before it crops, and checks that they can be cropped."""
    if preset.data is None:
        return images
    if preset.data.resize:
        images = resize_images(images, *preset.data.resize)
    height, width = images.shape[1:3]
    crop = preset.data.crop
    if crop and (height < crop[0] or width < crop[1]):
        raise ValueError(
            f"The images of {preset.data.name!r} are {height}x{width}, too small for the crop "
            f"{crop} of preset {preset.name!r}."
        )
    return images


def crop_middle(preset, images):
    """Cuts the middle out of resized images, where a preset crops."""
    if preset.data is None or not preset.data.crop:
        return images
    height, width = preset.data.crop
    top, left = (images.shape[1] - height) // 2, (images.shape[2] - width) // 2
    return images[:, top : top + height, left : left + width]


def read_picture(preset, path, image_shape):
    """Reads a picture file as a preset's model takes it.

    A picture is made as large as those of the preset's data before what the preset crops of
    them is cut out of it.

    Args:
        preset: A `Preset`.
        path: A PNG, JPEG, BMP or WebP file of any size.
        image_shape: What the model takes.

    Returns:
        uint8 array of shape `image_shape`.
    """
    if preset.data is None or not preset.data.crop:
        return read_image(path, image_shape)
    size = preset.data.resize
    if not size and preset.data.name in NAMED_SETS:
        size = NAMED_SETS[preset.data.name].image_shape[:2]
    picture = read_image(path, (*(size or preset.data.crop), image_shape[-1]))
    return crop_middle(preset, picture[None])[0]
