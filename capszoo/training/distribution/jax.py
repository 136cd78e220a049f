"""Many devices on JAX: `keras.distribution.DataParallel`, in one process or in one per host."""

import os

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils

from capszoo.training.distribution.base import Distribution
from capszoo.training.distribution.base import Feed
from capszoo.training.distribution.base import SaveNowhere
from capszoo.training.distribution.base import SharedBatches


class JaxDistribution(Distribution):
    """Shares the rows of a batch among all devices of JAX.

    A step is compiled as one of the whole batch, so batch normalization, too, takes the statistics
    of the whole batch. Rows are shared out evenly only: a batch that does not divide is filled up
    with zeros, and the step cuts these off again before it computes anything.
    """

    means = "keras.distribution.DataParallel"

    def __init__(self):
        _join_processes()
        self.parallel = keras.distribution.DataParallel(auto_shard_dataset=False)
        self.devices = self.parallel.num_model_replicas
        self.process = jax.process_index()
        # How many rows of a batch are images, by the number of rows with those that fill it up.
        self.rows = {}

    def scope(self):
        return self.parallel.scope()

    def prepare(self, model):
        train_step, test_step = model.train_step, model.test_step
        model.train_step = lambda state, data: train_step(state, self._cut(data))
        model.test_step = lambda state, data: test_step(state, self._cut(data))

    def feed(self, batches):
        return Feed(SharedBatches(_Undistributed(batches), self._share))

    def callbacks(self):
        # Saving, Keras makes variables, and those of all processes at once.
        return [SaveNowhere()]

    def wait(self):
        multihost_utils.sync_global_devices("capszoo")

    def _share(self, *arrays):
        number = len(arrays[0])
        filled = self._filled(number)
        rows = filled // jax.process_count()
        start = self.process * rows
        return tuple(_rows(array, start, rows) for array in arrays)

    def _filled(self, number):
        """A multiple of the number of devices that stands for this number of images alone."""
        filled = -(-number // self.devices) * self.devices
        while self.rows.setdefault(filled, number) != number:
            filled += self.devices
        return filled

    def _cut(self, data):
        return jax.tree.map(lambda array: array[: self.rows[array.shape[0]]], data)


class _Undistributed(SharedBatches):
    """Batches that are made, and augmented, by each process for itself on one device."""

    def __init__(self, batches):
        super().__init__(batches, lambda *arrays: arrays)

    def __getitem__(self, index):
        current = keras.distribution.distribution()
        keras.distribution.set_distribution(None)
        try:
            return super().__getitem__(index)
        finally:
            keras.distribution.set_distribution(current)


def _rows(array, start, rows):
    """Some rows of an array, those beyond its end being zeros."""
    taken = array[start : start + rows]
    return np.pad(taken, [(0, rows - len(taken))] + [(0, 0)] * (array.ndim - 1))


def _join_processes():
    """Joins the other processes, where there are others, before JAX looks for its devices."""
    if jax.distributed.is_initialized():
        return
    tasks = max(int(os.environ.get(name, 1)) for name in _TASKS)
    if "KERAS_DISTRIBUTION_JOB_ADDRESSES" in os.environ or tasks > 1:
        keras.distribution.initialize()


# Of Slurm's srun and of Open MPI's mpirun: JAX finds out the rest by itself.
_TASKS = ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE")
