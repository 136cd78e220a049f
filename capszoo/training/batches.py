"""Training images in shuffled, augmented batches; images to measure with in plain ones."""

import keras
import numpy as np

from capszoo.data.corruption import corrupt
from capszoo.training.paired import PairedAugmentation
from capszoo.training.paired import are_masks
from capszoo.training.paired import split_augmentation

# How many batches are filled together where examples alike in size share one.
BATCHES_OF_A_POOL = 16
# Keras makes pipelines of TensorFlow of batches, of examples of one shape.
SHAPES_MAY_DIFFER = keras.backend.backend() != "tensorflow"


class TrainingBatches(keras.utils.PyDataset):
    """Batches of training images: shuffled each epoch, augmented if asked for.

    A batch depends on the seed, the epoch and its index alone, so a run resumed after some
    epochs sees what the uninterrupted run would have seen. Give `fit` shuffle=False: Keras would
    shuffle the order of the batches once more, and differently in a resumed run.

    Args:
        images: Array `(n, height, width, channels)`, or volumes `(n, x, y, z, channels)` with
            masks.
        labels: Array `(n,)` or `(n, classes)`, or masks: labels of the shape of the images without
            channels, which are cropped and moved as the images are. `None` for a task without: in
            their place stand the images as they are before they are corrupted.
        batch_size: How many images a batch holds; the last of an epoch may hold fewer.
        augmentation: Keras preprocessing layers, applied in turn; for images with masks
            `RandomAffine` and `RandomIntensity` of `capszoo.data.augmentation`, and then those of
            Keras' layers that move nothing. Defaults to `()`.
        crop: Height and width (of volumes and clips all three sizes) of what is cut out of each
            augmented image, at a place of its own. Defaults to `None`, the whole images.
        seed: Seed of order and augmentation. Defaults to `0`.
        epoch: Number of epochs that are done already. Defaults to `0`.
        corruptions: What damages images that are to be restored, one of them each; see
            `capszoo.data.corruption.corrupt`. Defaults to `()`.
        input_end: A `capszoo.models.inputs.InputEnd`, whose `trim` cuts the padding off the
            batches; examples alike in size by its `sizes` then share one. On TensorFlow all keep
            their padding. Defaults to `None`, nothing is cut off.

    Raises:
        ValueError: If the augmentation is not for such labels.

    Example:

    >>> images, labels = capszoo.data.load("digits")
    >>> batches = capszoo.training.TrainingBatches(images, labels, batch_size=100)
    >>> len(batches), batches[0][0].shape
    (12, (100, 8, 8, 1))
    """

    def __init__(
        self,
        images,
        labels,
        batch_size,
        augmentation=(),
        crop=None,
        seed=0,
        epoch=0,
        corruptions=(),
        input_end=None,
    ):
        super().__init__()
        self.restores = labels is None
        if labels is None:
            labels = _stand_ins(images)
        self.images = images
        self.labels = labels
        self.batch_size = batch_size
        self.corruptions = corruptions
        paired, layers = split_augmentation(augmentation, images, labels)
        self.augmentation_configs = [
            _channels_last(keras.saving.serialize_keras_object(layer)) for layer in layers
        ]
        self.paired = None
        if are_masks(images, labels) and (paired or crop):
            self.paired, crop = PairedAugmentation(paired, crop), None
        self.crop = crop
        self.seed = seed
        self.input_end = input_end if SHAPES_MAY_DIFFER else None
        self.sizes = None if self.input_end is None else self.input_end.sizes(images)
        self._start_epoch(epoch)

    def _start_epoch(self, epoch):
        self.epoch = epoch
        random = np.random.default_rng((self.seed, epoch))
        self.order = random.permutation(len(self.images))
        if self.sizes is not None:
            self.order = _alike_in_size(self.order, self.sizes, self.batch_size, random)

    def _augmentation(self, random):
        # Layers with a seed of their own for each batch: a layer's seed is its only state, and
        # Keras asks for some batches more than once.
        for config in self.augmentation_configs:
            if "seed" in config["config"]:
                seed = int(random.integers(2**31))
                config = {**config, "config": {**config["config"], "seed": seed}}
            yield keras.saving.deserialize_keras_object(config)

    def on_epoch_end(self):
        self._start_epoch(self.epoch + 1)

    def __len__(self):
        return -(-len(self.images) // self.batch_size)

    def __getitem__(self, index):
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        images, labels = self.images[chosen], self.labels[chosen]
        random = np.random.default_rng((self.seed, self.epoch, index))
        if self.paired:
            images, labels = self.paired(images, labels, random)
        if self.augmentation_configs:
            images = keras.ops.convert_to_tensor(images, dtype="float32")
            for layer in self._augmentation(random):
                images = layer(images, training=True)
            images = keras.ops.convert_to_numpy(images)
        if self.crop:
            images = crop_at_random(images, self.crop, random)
        if self.restores:
            return corrupt(images, self.corruptions, random), images
        return images if self.input_end is None else self.input_end.trim(images), labels


def _alike_in_size(order, sizes, batch_size, random):
    """An order in which a batch holds examples alike in size, and batches come as drawn."""
    pool = batch_size * BATCHES_OF_A_POOL
    pools = np.split(order, range(pool, len(order), pool))
    order = np.concatenate([one[np.argsort(sizes[one], kind="stable")] for one in pools])
    whole = len(order) // batch_size * batch_size
    batches = random.permutation(order[:whole].reshape(-1, batch_size))
    return np.concatenate([batches.ravel(), order[whole:]])


def _stand_ins(images):
    """Labels that say nothing: of volumes masks, so that they are cut and moved as with masks."""
    return np.broadcast_to(np.uint8(0), images.shape[: -1 if images.ndim == 5 else 1])


def _channels_last(config):
    """The config of a layer for channels-last images, whatever Keras' setting was."""
    if isinstance(config, dict):
        of_ours = {"data_format": "channels_last"} if "data_format" in config else {}
        return {**{key: _channels_last(one) for key, one in config.items()}, **of_ours}
    return [_channels_last(one) for one in config] if isinstance(config, list) else config


def crop_at_random(images, sizes, random):
    """Cuts a part out of each image, or clip, at a place of its own.

    `keras.layers.RandomCrop` takes one place for the whole batch.

    Args:
        images: Array `(n, *size, channels)`.
        sizes: Of the parts along each axis: height and width, of clips frames, height and width.
        random: A `numpy.random.Generator`.

    Returns:
        Array `(n, *sizes, channels)`.

    Example:

    >>> images, labels = capszoo.data.load("digits")
    >>> random = np.random.default_rng(0)
    >>> capszoo.training.batches.crop_at_random(images, (6, 6), random).shape
    (1149, 6, 6, 1)
    """
    number, *whole, _ = images.shape
    starts = [
        random.integers(side - part + 1, size=number)
        for side, part in zip(whole, sizes, strict=True)
    ]
    axes = tuple(range(1, len(whole) + 1))
    parts = np.lib.stride_tricks.sliding_window_view(images, tuple(sizes), axis=axes)
    return np.moveaxis(parts[np.arange(number), *starts], 1, -1)


class EvaluationBatches(keras.utils.PyDataset):
    """Batches of images to measure with, each of which devices can share.

    Where the images do not divide among the devices, the last batch is a small one of at least
    one image for each, and the others divide. Without devices to share, plain batches.

    Args:
        images: Array `(n, height, width, channels)`.
        labels: Array `(n,)` or `(n, classes)`.
        batch_size: How many images a batch holds, a multiple of the number of devices; the last
            ones may hold fewer.
        devices: How many devices share a batch. Defaults to `1`.
        input_end: As in `TrainingBatches`; nothing is put in another order. Defaults to `None`.

    Raises:
        ValueError: If there are fewer than two images for each device, and they do not divide.

    Example:

    >>> images, labels = capszoo.data.load("digits", "validation")
    >>> make = capszoo.training.batches.EvaluationBatches
    >>> batches = make(images[:202], labels[:202], batch_size=100, devices=4)
    >>> [len(labels) for images, labels in (batches[0], batches[1], batches[2])]
    [100, 96, 6]
    """

    def __init__(self, images, labels, batch_size, devices=1, input_end=None):
        super().__init__()
        number, left = len(images), len(images) % devices
        if left and number < 2 * devices:
            raise ValueError(f"{devices} devices cannot share {number} images to measure with.")
        even = number - left - devices if left else number
        self.starts = [*range(0, even, batch_size), *([even] if left else []), number]
        self.images = images
        self.labels = labels
        self.input_end = input_end if SHAPES_MAY_DIFFER else None

    def __len__(self):
        return len(self.starts) - 1

    def __getitem__(self, index):
        chosen = slice(*self.starts[index : index + 2])
        images, labels = self.images[chosen], self.labels[chosen]
        return images if self.input_end is None else self.input_end.trim(images), labels
