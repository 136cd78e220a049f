"""Training images in shuffled, augmented batches; images to measure with in plain ones."""

import keras
import numpy as np


class TrainingBatches(keras.utils.PyDataset):
    """Batches of training images: shuffled each epoch, augmented if asked for.

    A batch depends on the seed, the epoch and its index alone, so a run resumed after some
    epochs sees what the uninterrupted run would have seen. Give `fit` shuffle=False: Keras would
    shuffle the order of the batches once more, and differently in a resumed run.

    Args:
        images: Array `(n, height, width, channels)`.
        labels: Array `(n,)` or `(n, classes)`.
        batch_size: How many images a batch holds; the last of an epoch may hold fewer.
        augmentation: Keras preprocessing layers, applied in turn. Defaults to `()`.
        crop: Height and width of what is cut out of each augmented image, at a place of its own.
            Defaults to `None`, the whole images.
        seed: Seed of order and augmentation. Defaults to `0`.
        epoch: Number of epochs that are done already. Defaults to `0`.

    Example:

    >>> images, labels = capszoo.data.load("digits")
    >>> batches = capszoo.training.TrainingBatches(images, labels, batch_size=100)
    >>> len(batches), batches[0][0].shape
    (12, (100, 8, 8, 1))
    """

    def __init__(self, images, labels, batch_size, augmentation=(), crop=None, seed=0, epoch=0):
        super().__init__()
        self.images = images
        self.labels = labels
        self.batch_size = batch_size
        self.augmentation_configs = [
            _channels_last(keras.saving.serialize_keras_object(layer)) for layer in augmentation
        ]
        self.crop = crop
        self.seed = seed
        self._start_epoch(epoch)

    def _start_epoch(self, epoch):
        self.epoch = epoch
        self.order = np.random.default_rng((self.seed, epoch)).permutation(len(self.images))

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
        images = self.images[chosen]
        random = np.random.default_rng((self.seed, self.epoch, index))
        if self.augmentation_configs:
            images = keras.ops.convert_to_tensor(images, dtype="float32")
            for layer in self._augmentation(random):
                images = layer(images, training=True)
            images = keras.ops.convert_to_numpy(images)
        if self.crop:
            images = crop_at_random(images, *self.crop, random)
        return images, self.labels[chosen]


def _channels_last(config):
    """The config of a layer for channels-last images, whatever Keras' setting was."""
    if isinstance(config, dict):
        of_ours = {"data_format": "channels_last"} if "data_format" in config else {}
        return {**{key: _channels_last(one) for key, one in config.items()}, **of_ours}
    return [_channels_last(one) for one in config] if isinstance(config, list) else config


def crop_at_random(images, height, width, random):
    """Cuts a part out of each image at a place of its own.

    `keras.layers.RandomCrop` takes one place for the whole batch.

    Args:
        images: Array `(n, rows, columns, channels)`.
        height: Height of the parts, in pixels.
        width: Width of the parts, in pixels.
        random: A `numpy.random.Generator`.

    Returns:
        Array `(n, height, width, channels)`.

    Example:

    >>> images, labels = capszoo.data.load("digits")
    >>> random = np.random.default_rng(0)
    >>> capszoo.training.batches.crop_at_random(images, 6, 6, random).shape
    (1149, 6, 6, 1)
    """
    number, rows, columns, _ = images.shape
    top = random.integers(rows - height + 1, size=number)
    left = random.integers(columns - width + 1, size=number)
    parts = np.lib.stride_tricks.sliding_window_view(images, (height, width), axis=(1, 2))
    return np.moveaxis(parts[np.arange(number), top, left], 1, -1)


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

    Raises:
        ValueError: If there are fewer than two images for each device, and they do not divide.

    Example:

    >>> images, labels = capszoo.data.load("digits", "validation")
    >>> make = capszoo.training.batches.EvaluationBatches
    >>> batches = make(images[:202], labels[:202], batch_size=100, devices=4)
    >>> [len(labels) for images, labels in (batches[0], batches[1], batches[2])]
    [100, 96, 6]
    """

    def __init__(self, images, labels, batch_size, devices=1):
        super().__init__()
        number, left = len(images), len(images) % devices
        if left and number < 2 * devices:
            raise ValueError(f"{devices} devices cannot share {number} images to measure with.")
        even = number - left - devices if left else number
        self.starts = [*range(0, even, batch_size), *([even] if left else []), number]
        self.images = images
        self.labels = labels

    def __len__(self):
        return len(self.starts) - 1

    def __getitem__(self, index):
        chosen = slice(*self.starts[index : index + 2])
        return self.images[chosen], self.labels[chosen]
