"""Many devices on PyTorch: one process each, started by `torchrun`."""

import atexit
import functools
import gc
import os

import numpy as np
import torch
import torch.distributed.nn.functional
from torch.nn.parallel import DistributedDataParallel

from capszoo.training.distribution.base import Distribution
from capszoo.training.distribution.base import Feed
from capszoo.training.distribution.base import SharedBatches
from capszoo.training.distribution.base import batch_normalizations
from capszoo.training.distribution.base import weigh_gradient


class TorchDistribution(Distribution):
    """Shares the rows of a batch among the processes that `torchrun` started.

    Gradients are averaged by `DistributedDataParallel` while they are computed. Each process
    computes the mean over its own images; where one has fewer than another, as in the last batch
    of an epoch, its gradient counts for less.
    """

    means = "DistributedDataParallel"
    splits_any_batch = False

    def __init__(self):
        self.many_processes = "LOCAL_RANK" in os.environ
        if not self.many_processes:
            gpus = torch.cuda.device_count()
            if gpus > 1:
                raise ValueError(
                    f"PyTorch trains on {gpus} GPUs with one process for each. Start them with: "
                    f"torchrun --nproc-per-node {gpus} --no-python capszoo train ... --distribute"
                )
            return
        self.devices = int(os.environ["WORLD_SIZE"])
        self.process = int(os.environ["RANK"])
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        if not torch.distributed.is_initialized():
            # For good: processes that part cannot meet again.
            torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
            atexit.register(_part)

    def prepare(self, model):
        if self.many_processes:
            for layer in batch_normalizations(model):
                layer._moments = functools.partial(_global_moments, layer)
            _average_gradients(model)
            _weigh_loss(model, self.devices)
            _sum_metrics(model)

    def feed(self, batches):
        return Feed(SharedBatches(batches, self._share))

    def wait(self):
        if self.many_processes:
            torch.distributed.barrier()

    def _share(self, *arrays):
        return tuple(np.array_split(array, self.devices)[self.process] for array in arrays)


def _part():
    """Leaves the other processes, and ends the threads that talked to them.

    A thread that still holds a tensor when Python ends aborts the process. They end with what uses
    them: models of trainings that are done, which hold themselves in circles, and then the group.
    """
    gc.collect()
    torch.distributed.destroy_process_group()


class _Call(torch.nn.Module):
    """A Keras model's call as a module of PyTorch, with all the model's parameters."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.call = model.call

    def forward(self, inputs):
        return self.call(inputs, training=True)


def _average_gradients(model):
    call, parallel = model.call, DistributedDataParallel(_Call(model))

    def call_in_parallel(inputs, training=None, mask=None):
        return parallel(inputs) if training else call(inputs, training=training, mask=mask)

    model.call = call_in_parallel


def _weigh_loss(model, devices):
    compute_loss = model.compute_loss

    def compute_global_loss(x, y, y_pred, sample_weight=None, training=True):
        loss = compute_loss(x, y, y_pred, sample_weight, training)
        if not training:
            return loss
        every = torch.tensor(float(len(x)), device=loss.device)
        torch.distributed.all_reduce(every)
        return weigh_gradient(loss, len(x) * devices / every)

    model.compute_loss = compute_global_loss


def _sum_metrics(model):
    """Makes results of metrics those of all processes: what they count is summed."""
    local_results = model.get_metrics_result

    def global_results():
        variables = model.metrics_variables
        own = torch.stack([variable.value.detach() for variable in variables])
        every = own.clone()
        torch.distributed.all_reduce(every)
        for variable, value in zip(variables, every, strict=True):
            variable.assign(value)
        results = local_results()
        for variable, value in zip(variables, own, strict=True):
            variable.assign(value)
        return results

    model.get_metrics_result = global_results


def _global_moments(layer, inputs, mask=None):
    """Mean and variance of the whole batch, for a layer of batch normalization."""
    axes = [axis for axis in range(inputs.ndim) if axis != layer.axis % inputs.ndim]
    sums = torch.stack([inputs.sum(axes), inputs.square().sum(axes)])
    count = torch.full_like(sums[:1], inputs.numel() / sums.shape[1])
    # Differentiable, as what a process gives to the statistics counts in the loss of every other.
    sums = torch.distributed.nn.functional.all_reduce(torch.cat([sums, count]))
    mean, square = sums[:2] / sums[2]
    return mean, square - mean.square()
