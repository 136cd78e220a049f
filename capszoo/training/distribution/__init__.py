"""Training on several devices, each backend by its own means."""

import keras

from capszoo.training.distribution.base import Distribution


def all_devices():
    """Takes all devices there are, of this machine or of all that train together.

    Returns:
        A `Distribution`: `keras.distribution.DataParallel` on JAX, a `tf.distribute` strategy on
        TensorFlow, the processes that `torchrun` started on PyTorch.

    Raises:
        ValueError: If there are several GPUs on PyTorch, but one process.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        from capszoo.training.distribution.jax import JaxDistribution

        return JaxDistribution()
    if backend == "tensorflow":
        from capszoo.training.distribution.tensorflow import TensorFlowDistribution

        return TensorFlowDistribution()
    from capszoo.training.distribution.torch import TorchDistribution

    return TorchDistribution()
