"""Training images with masks: what moves both, what changes the image alone."""

import numpy as np

from capszoo.data.augmentation import RandomAffine
from capszoo.data.augmentation import RandomIntensity
from capszoo.data.cases import pad_evenly

# Layers of Keras that change the colours of pictures, and move nothing.
KEEP_PLACES = (
    "AutoContrast", "Equalization", "GaussianNoise", "RandomBrightness", "RandomColorDegeneration",
    "RandomColorJitter", "RandomContrast", "RandomErasing", "RandomGaussianBlur",
    "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPosterization", "RandomSaturation",
    "RandomSharpness", "Rescaling", "Solarization",
)  # fmt: skip


def are_masks(images: np.ndarray, labels: np.ndarray) -> bool:
    """Whether labels are the classes of the pixels of pictures, or of voxels of volumes."""
    return labels.ndim > 2 and labels.shape == images.shape[:-1]


class PairedAugmentation:
    """Crops and changes images together with their masks.

    First the part is cut out, moved as `RandomAffine` says where there is one, at a place of its
    own for each image; then come the changes of intensity, in their order.

    Args:
        augmentation: `RandomAffine`, at most one, and `RandomIntensity`s.
            Defaults to `()`.
        crop: Sizes of the part; smaller images are padded evenly to it. Defaults to `None`, the
            whole images.

    Raises:
        ValueError: If there are two `RandomAffine`.

    Example:

    >>> images, masks = capszoo.data.load("digit_scenes", "test")
    >>> augment = capszoo.training.paired.PairedAugmentation(crop=(16, 24))
    >>> parts, of_masks = augment(images, masks, np.random.default_rng(0))
    >>> parts.shape, of_masks.shape
    ((200, 16, 24, 1), (200, 16, 24))
    """

    def __init__(self, augmentation=(), crop=None):
        affine = [one for one in augmentation if isinstance(one, RandomAffine)]
        if len(affine) > 1:
            raise ValueError(
                "Expected one RandomAffine in the augmentation: each interpolates once more. "
                f"Received: {len(affine)}"
            )
        self.move = affine[0] if affine else RandomAffine()
        self.changes = [one for one in augmentation if isinstance(one, RandomIntensity)]
        self.crop = crop

    def __call__(self, images, masks, random):
        pairs = []
        for image, mask in zip(images, masks, strict=True):
            if self.crop is not None:
                size = np.maximum(mask.shape, self.crop)
                image, mask = pad_evenly(image, size, image.min()), pad_evenly(mask, size)
            pair = self.move(image, mask, random, self.crop)
            for change in self.changes:
                pair = change(*pair, random)
            pairs.append(pair)
        return tuple(np.stack(part) for part in zip(*pairs, strict=True))


def split_augmentation(augmentation, images, labels):
    """Tells what changes images with masks from Keras' layers, which change images alone.

    Args:
        augmentation: Keras layers and objects of `capszoo.data.augmentation`.
        images: The images.
        labels: Their labels, or masks.

    Returns:
        The objects for images with masks, and Keras' layers.

    Raises:
        ValueError: If there are masks, and a layer moves what is in an image without its mask, or
            there are none, and an object is for images with masks.
    """
    ours = [one for one in augmentation if isinstance(one, RandomAffine | RandomIntensity)]
    layers = [one for one in augmentation if one not in ours]
    if not are_masks(images, labels):
        if ours:
            raise ValueError(
                f"The augmentation {type(ours[0]).__name__} is for images with masks. Received: "
                f"labels of shape {labels.shape} for images of shape {images.shape}"
            )
        return ours, layers
    for layer in layers:
        name = type(layer).__name__
        if name not in KEEP_PLACES and type(layer).__module__.startswith("keras."):
            raise ValueError(
                f"The augmentation {name} would move what is in images and not their masks. "
                f"Expected RandomAffine, RandomIntensity or one of Keras' {', '.join(KEEP_PLACES)}."
            )
        if images.ndim != 4:
            raise ValueError(
                f"The augmentation {name} is for pictures. Expected RandomAffine or "
                "RandomIntensity for volumes."
            )
    for one in ours:
        if isinstance(one, RandomAffine):
            one.check_rank(labels.ndim - 1)
    return ours, layers
