"""Pictures and their masks as picture files, in their own size."""

import os

import numpy as np

from capszoo.data.cases import Case
from capszoo.data.images import MODES
from capszoo.data.images import as_mode
from capszoo.data.images import open_picture


def read_picture(path: str | os.PathLike, channels: int) -> np.ndarray:
    """Reads a picture in its own size.

    Pictures of 16 bits, as microscopes make them, often use few of these: their darkest value
    becomes 0 and their brightest 255.

    Args:
        path: A PNG, TIFF, JPEG, BMP or WebP file.
        channels: 1 for grayscale, 3 for RGB.

    Returns:
        uint8 array of shape (height, width, channels).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read as a picture, or there is no such number of channels.

    Example:

    >>> from PIL import Image
    >>> Image.fromarray(np.array([[300, 600, 900]], "uint16")).save("cells.tif")
    >>> capszoo.data.mask_pictures.read_picture("cells.tif", 1)[0, :, 0].tolist()
    [0, 128, 255]
    """
    if channels not in MODES:
        raise ValueError(
            f"A picture file gives 1 channel or 3. Received: channels={channels} for "
            f"{os.fspath(path)}"
        )
    picture = open_picture(path)
    if picture.mode.startswith("I"):
        from PIL import Image

        values = np.asarray(picture).astype("float64")
        values -= values.min()
        picture = Image.fromarray(np.rint(values * (255 / max(values.max(), 1))).astype("uint8"))
    pixels = np.asarray(as_mode(picture, MODES[channels]))
    return pixels.reshape(*pixels.shape[:2], channels)


def read_labels(path: str | os.PathLike) -> np.ndarray:
    """Reads a mask: a picture whose pixels hold numbers of classes.

    Args:
        path: A file of whole numbers: of gray levels, of bits, or of a palette, whose numbers
            count and not its colours. RGB and RGBA files do where they are gray, and opaque.

    Returns:
        uint8 array of shape (height, width).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read, or its pixels are colours or numbers beyond 255.

    Example:

    >>> from PIL import Image
    >>> Image.fromarray(np.array([[0, 2], [1, 0]], "uint8")).convert("RGBA").save("mask.png")
    >>> capszoo.data.mask_pictures.read_labels("mask.png").tolist()
    [[0, 2], [1, 0]]
    """
    picture = open_picture(path)
    pixels = np.asarray(picture)
    if pixels.ndim == 3:
        colours = pixels[..., :1] if picture.mode == "LA" else pixels[..., :3]
        is_opaque = picture.mode not in ("RGBA", "LA") or bool((pixels[..., -1] == 255).all())
        is_gray = picture.mode in ("RGB", "RGBA", "LA") and bool(
            (colours == colours[..., :1]).all()
        )
        if not (is_gray and is_opaque):
            raise ValueError(
                f"Expected the number of a class in each pixel of the mask {os.fspath(path)}: one "
                f"channel, 0 the background. Received: {picture.mode} with "
                f"{'colours' if is_opaque else 'transparent pixels'}"
            )
        pixels = colours[..., 0]
    if pixels.min() < 0 or pixels.max() > 255:
        raise ValueError(
            f"Expected numbers of classes from 0 to 255 in the mask {os.fspath(path)}. "
            f"Received: {pixels.min()} to {pixels.max()}"
        )
    return pixels.astype("uint8")


def read_pictures_case(
    name: str,
    image: str | os.PathLike,
    mask: str | os.PathLike,
    channels: int,
    num_classes: int,
    white_is_one: bool = False,
) -> Case:
    """Reads a picture and its mask.

    Args:
        name: The name of the case.
        image: The file of the picture.
        mask: The file of the mask.
        channels: 1 for grayscale, 3 for RGB.
        num_classes: How many classes there are.
        white_is_one: Whether 255 in the mask stands for class 1. Defaults to `False`.

    Returns:
        A `Case`.

    Raises:
        ValueError: If a file cannot be read, they differ in size, or a label is no class.
    """
    picture, labels = read_picture(image, channels), read_labels(mask)
    if white_is_one:
        labels = (labels > 0).astype("uint8")
    if picture.shape[:2] != labels.shape:
        raise ValueError(
            f"Expected an image and a mask of one size. Received: {os.fspath(image)} of "
            f"{picture.shape[:2]} and {os.fspath(mask)} of {labels.shape}."
        )
    if labels.max() >= num_classes:
        raise ValueError(
            f"Expected labels from 0 to {num_classes - 1} in {os.fspath(mask)}. "
            f"Received: {labels.max()}"
        )
    return Case(name, picture, labels, (1.0, 1.0))
