"""What training needs to know of the devices it runs on; here, that there is one."""

import contextlib
import pathlib
import tempfile
from typing import Any
from typing import NamedTuple

import keras

from capszoo.zoo import weights as weights_files


class Feed(NamedTuple):
    """What `fit` and `evaluate` take: the data, and how many steps they make a pass of it."""

    data: Any
    steps: int | None = None


class Distribution:
    """How the rows of a batch are shared among devices, and the work among processes.

    Whatever the devices, a step is one of the whole batch: its loss and its gradient are the mean
    over all its images, and metrics count each image once. This class is one device.

    Attributes:
        devices: Number of devices a batch is shared among, of all processes.
        process: Number of this process, from 0.
        means: What shares the batches, for the report.
        splits_any_batch: Whether a batch may have fewer images than there are devices.
    """

    means = "no distribution"
    devices = 1
    process = 0
    splits_any_batch = True

    def __str__(self):
        return f"{self.devices} device{'' if self.devices == 1 else 's'} by {self.means}"

    @property
    def writes(self):
        """Whether this process is the one that writes the run folder."""
        return self.process == 0

    def check_batch_size(self, batch_size):
        """Raises `ValueError` where a batch cannot be shared out evenly."""
        if batch_size % self.devices:
            raise ValueError(
                "Expected a `training.batch_size` that is a multiple of the number of devices. "
                f"Received: training.batch_size={batch_size}, {self.devices} devices"
            )

    def check_images(self, number, batch_size):
        """Raises `ValueError` where a device would have no image in some batch of an epoch."""
        last = number % batch_size
        if not self.splits_any_batch and (number < batch_size or 0 < last < self.devices):
            raise ValueError(
                f"{number} training images in batches of {batch_size} leave {last} for the last "
                f"batch, which {self.devices} devices cannot share. Set training.batch_size."
            )

    def scope(self):
        """The context in which the model is built, trained and measured."""
        return contextlib.nullcontext()

    def prepare(self, model):
        """Makes a compiled model's steps ones of the whole batch."""

    def feed(self, batches):
        """Makes the `Feed` of this process from the batches of all."""
        return Feed(batches)

    def callbacks(self):
        """Lists what another process does in `fit` while the first one writes an epoch down."""
        return []

    def wait(self):
        """Waits until every process is here."""


class SaveNowhere(keras.callbacks.Callback):
    """Saves every epoch to a file that is removed, where saving takes every process."""

    def on_epoch_end(self, epoch, logs=None):
        with tempfile.TemporaryDirectory() as folder:
            weights_files.write(self.model, pathlib.Path(folder) / "nowhere.weights.h5")


class SharedBatches(keras.utils.PyDataset):
    """What a process takes of each batch.

    Args:
        batches: A `keras.utils.PyDataset` of the whole batches.
        share: Function from images and labels of a batch to those of this process.
    """

    # The whole of them is, before it is shared out and filled up.
    is_checked = True

    def __init__(self, batches, share):
        super().__init__()
        self.batches = batches
        self.share = share

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.share(*self.batches[index])

    def on_epoch_end(self):
        self.batches.on_epoch_end()


def batch_normalizations(model):
    """Lists the layers of a model whose statistics are those of a batch."""
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]


def weigh_gradient(loss, weight):
    """Multiplies a loss's gradient, but not its value."""
    return weight * loss + keras.ops.stop_gradient((1.0 - weight) * loss)
