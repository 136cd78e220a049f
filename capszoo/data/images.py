"""Reading one picture file as an array of the shape a model takes."""

import os
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from capszoo.validation import check_image_shape

if TYPE_CHECKING:
    from PIL import Image

MODES = {1: "L", 3: "RGB"}


def check_picture_shape(image_shape: Any) -> tuple[int, int, int]:
    """Returns `image_shape` as a tuple, or raises `ValueError` if a file cannot have it."""
    image_shape = check_image_shape(image_shape)
    if image_shape[2] not in MODES:
        raise ValueError(
            "One picture file gives 1 channel (grayscale) or 3 (RGB); other numbers, such as "
            "smallNORB's stereo pairs, cannot be read from it and come as arrays. "
            f"Received: image_shape={image_shape}"
        )
    return image_shape


def read_image(path: str | os.PathLike, image_shape: tuple[int, int, int]) -> np.ndarray:
    """Reads a picture file of any size as an array of a given shape.

    The picture is turned upright as its EXIF orientation says, laid on white where it is
    transparent, made grayscale or RGB, and resized as by `resize_images`, without keeping its
    aspect ratio.

    Args:
        path: A PNG, JPEG, BMP, WebP or TIFF file, or any other that Pillow reads.
        image_shape: Height, width and channels, 1 for grayscale or 3 for RGB.

    Returns:
        uint8 array of shape `image_shape`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read as a picture, or the shape is not possible.

    Example:

    >>> from PIL import Image
    >>> Image.new("RGB", (640, 480)).save("photo.png")
    >>> capszoo.data.read_image("photo.png", (28, 28, 1)).shape
    (28, 28, 1)
    """
    height, width, channels = check_picture_shape(image_shape)
    picture = np.asarray(as_mode(open_picture(path), MODES[channels]))
    picture = picture.reshape(1, *picture.shape[:2], channels)
    return resize_images(picture, height, width)[0].copy()


def resize_images(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes pictures, each channel by itself: reduces bilinearly, enlarges by Lanczos.

    `capszoo.ops.resize` gives the same numbers inside a model.

    Args:
        images: uint8 array of shape (n, height, width, channels), of any number of channels.
        height: Height of the results, in pixels.
        width: Width of the results, in pixels.

    Returns:
        uint8 array of shape (n, `height`, `width`, channels), `images` itself if they have
        that size.

    Example:

    >>> images, labels = capszoo.data.load("digits", "test")
    >>> capszoo.data.images.resize_images(images, 12, 16).shape
    (360, 12, 16, 1)
    """
    from PIL import Image

    if images.shape[1:3] == (height, width):
        return images
    # Pillow's bilinear filter widens with the reduction, which is the antialiasing; unlike the
    # sharper filters it adds no bright or dark rims. Enlarged so, a picture would be blurred: the
    # published Efficient-CapsNet knows 97.6 % of smallNORB's pairs enlarged by Lanczos, 96.8 %
    # bilinearly.
    enlarges = height > images.shape[1] or width > images.shape[2]
    resampling = Image.Resampling.LANCZOS if enlarges else Image.Resampling.BILINEAR
    resized = np.empty((len(images), height, width, images.shape[-1]), "uint8")
    for image, result in zip(images, resized, strict=True):
        for channel in range(images.shape[-1]):
            picture = Image.fromarray(image[:, :, channel])
            result[:, :, channel] = picture.resize((width, height), resampling)
    return resized


def fitting_size(size: tuple, limit: tuple) -> tuple[int, int] | None:
    """Finds the size to which pictures are brought that are larger than a limit.

    Args:
        size: Their height and width, `None` and `None` where they differ.
        limit: The largest height and width.

    Returns:
        Height and width, in the pictures' own ratio where they have one; `None` where they stay
        as they are.

    Example:

    >>> fitting_size = capszoo.data.images.fitting_size
    >>> fitting_size((480, 640), (32, 32)), fitting_size((28, 28), (32, 32))
    ((24, 32), None)
    """
    if None in size:
        return limit[0], limit[1]
    factor = min(most / side for most, side in zip(limit, size, strict=True))
    if factor >= 1:
        return None
    height, width = (max(1, round(factor * side)) for side in size)
    return height, width


def crop_middle(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Cuts the middle out of pictures of shape (n, rows, columns, channels)."""
    top, left = (images.shape[1] - height) // 2, (images.shape[2] - width) // 2
    return images[:, top : top + height, left : left + width]


def native_shape(path: str | os.PathLike) -> tuple[int, int, int]:
    """Returns the shape that a picture file has of itself, turned upright."""
    picture = open_picture(path)
    is_gray = picture.mode in ("1", "L", "LA") or picture.mode.startswith("I")
    return picture.height, picture.width, 1 if is_gray else 3


def open_picture(path: str | os.PathLike) -> "Image.Image":
    """Returns the upright `PIL.Image` in a file, decoded to the end."""
    from PIL import Image
    from PIL import ImageOps

    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no picture file at {os.fspath(path)}.")
    try:
        with Image.open(path) as picture:
            count = getattr(picture, "n_frames", 1)
            if picture.format == "TIFF" and count > 1:
                raise ValueError(f"it holds {count} pictures, not one.")
            if picture.mode == "F":
                raise ValueError("it holds floats, whose range no picture file says.")
            # Makes a copy, and so reads every pixel: a file cut short is found here.
            return ImageOps.exif_transpose(picture)
    # Pillow's decoders raise all of these on damaged files.
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"Cannot read {os.fspath(path)} as a picture (PNG, JPEG, BMP, WebP, TIFF): {error}"
        ) from error


def as_mode(picture: "Image.Image", mode: str) -> "Image.Image":
    """Makes a picture grayscale (`"L"`) or RGB, laid on white where it is transparent."""
    from PIL import Image

    if picture.mode.startswith("I"):
        # 16-bit grayscale: Pillow would make everything above 255 white instead of scaling.
        picture = Image.fromarray((np.asarray(picture) >> 8).astype("uint8"))
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    return picture.convert(mode)
