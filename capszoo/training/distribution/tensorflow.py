"""Many devices on TensorFlow: a strategy of `tf.distribute`."""

import copy
import os

import numpy as np
import tensorflow as tf

from capszoo.training.distribution.base import Distribution
from capszoo.training.distribution.base import Feed
from capszoo.training.distribution.base import SaveNowhere
from capszoo.training.distribution.base import batch_normalizations
from capszoo.training.distribution.base import weigh_gradient


class TensorFlowDistribution(Distribution):
    """Shares the rows of a batch among the devices of a strategy.

    `MirroredStrategy` on the devices of this process, `MultiWorkerMirroredStrategy` where
    `TF_CONFIG` names several workers. Each device computes the mean over its own images; where
    one has fewer than another, as in the last batch of an epoch, its gradient counts for less.
    """

    splits_any_batch = False

    def __init__(self):
        self.many_workers = "TF_CONFIG" in os.environ
        if self.many_workers:
            self.strategy = tf.distribute.MultiWorkerMirroredStrategy()
            self.means = "MultiWorkerMirroredStrategy"
            self.process = self.strategy.cluster_resolver.task_id
        else:
            devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
            self.strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
            self.means = "MirroredStrategy"
        self.devices = self.strategy.num_replicas_in_sync

    def scope(self):
        return self.strategy.scope()

    def prepare(self, model):
        for layer in batch_normalizations(model):
            layer.synchronized = True
        compute_loss = model.compute_loss

        def compute_global_loss(x, y, y_pred, sample_weight=None, training=True):
            loss = compute_loss(x, y, y_pred, sample_weight, training)
            if not training:
                return loss
            own = tf.cast(tf.shape(x)[0], loss.dtype)
            replica = tf.distribute.get_replica_context()
            every = replica.all_reduce(tf.distribute.ReduceOp.SUM, own)
            return weigh_gradient(loss, own * self.devices / every)

        model.compute_loss = compute_global_loss
        if self.many_workers:
            _fit_with_many_workers(model)

    def feed(self, batches):
        arrays = batches[0]
        signature = tuple(tf.TensorSpec((None, *one.shape[1:]), one.dtype) for one in arrays)

        def make_dataset(context):
            own = context.num_replicas_in_sync // context.num_input_pipelines
            first = context.input_pipeline_id * own
            # An own copy: TensorFlow asks for some batches ahead, and may begin more than once.
            return tf.data.Dataset.from_generator(
                lambda: self._shares(copy.copy(batches), range(first, first + own)),
                output_signature=signature,
            ).prefetch(tf.data.AUTOTUNE)

        return Feed(self.strategy.distribute_datasets_from_function(make_dataset), len(batches))

    def _shares(self, batches, own):
        """What each device of this process has of each batch, epoch after epoch."""
        while True:
            # Before the first epoch as well, as Keras does where it has the batches themselves.
            batches.on_epoch_end()
            for index in range(len(batches)):
                split = [np.array_split(array, self.devices) for array in batches[index]]
                for device in own:
                    yield tuple(shares[device] for shares in split)

    def callbacks(self):
        # Saving, Keras makes variables, and those of all processes at once.
        return [SaveNowhere()]

    def wait(self):
        if self.many_workers:
            float(self._count_workers())

    @tf.function
    def _count_workers(self):
        ones = self.strategy.run(lambda: tf.constant(1.0))
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, ones, axis=None)


def _fit_with_many_workers(model):
    """Takes `fit` past two calls of Keras that fail under `MultiWorkerMirroredStrategy`."""
    train_step, test_step = model.train_step, model.test_step

    def with_axis(logs):
        # Keras averages what the workers log along an axis that a number does not have.
        return {name: value[None] for name, value in logs.items()}

    model.train_step = lambda data: with_axis(train_step(data))
    model.test_step = lambda data: with_axis(test_step(data))
    # Keras looks at a batch that is a tuple of shared-out tensors to make the metrics' variables.
    examples = np.zeros((1, *model.example_shape), "float32")
    model._symbolic_build(data_batch=(examples, np.zeros(1, "int32")))
    model._maybe_symbolic_build = lambda *_, **__: None
