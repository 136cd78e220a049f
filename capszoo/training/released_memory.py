"""Many trainings in one process, each leaving the memory as it was."""

import contextlib
import gc

import keras


@contextlib.contextmanager
def released_memory():
    """Gives back what is left of the training done within.

    Those are graphs, compiled functions and data on the device. Build the optimizer before
    `fit`: TensorFlow never frees a graph in which variables came into being.
    """
    known = set(_gradient_registry())
    try:
        yield
    finally:
        keras.utils.clear_session(free_memory=True)
        if keras.backend.backend() == "jax":
            import jax

            jax.clear_caches()
        registry = _gradient_registry()
        for name in set(registry) - known:
            del registry[name]
        gc.collect()
        if keras.backend.backend() == "torch":
            import torch

            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def _gradient_registry():
    """The gradients that TensorFlow knows by name.

    It adds one at each custom gradient that it traces and never drops it, nor the graph.
    """
    if keras.backend.backend() != "tensorflow":
        return {}
    from tensorflow.python.framework import ops

    return getattr(ops.gradient_registry, "_registry", {})
