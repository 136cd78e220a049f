"""The first batch of a pipeline, seen without taking it out."""

import itertools
import types

import keras

# Of a data set of PyTorch, how many examples are looked at.
MOST_EXAMPLES = 16


def first_batch(data):
    """Makes the first batch of a pipeline once more than `fit` does.

    Data sets of TensorFlow, `keras.utils.PyDataset`, generators and PyTorch's loaders of data sets
    with an index show it, the last without a worker or a draw of their order: the first examples.
    Of others, such as PyTorch's `IterableDataset`, what is taken out may be lost: they do not.

    Args:
        data: What Keras takes as `x`, not arrays.

    Returns:
        The batch, `None` where it cannot be seen, and the pipeline, which gives every batch still.

    Example:

    >>> batches = (np.full(2, number) for number in range(3))
    >>> first, batches = capszoo.models.pipelines.first_batch(batches)
    >>> first.tolist(), len(list(batches))
    ([0, 0], 3)
    """
    if isinstance(data, types.GeneratorType):
        taken = list(itertools.islice(data, 1))
        return (taken[0] if taken else None), _whole(taken, data)
    if isinstance(data, keras.utils.PyDataset):
        return (None if getattr(data, "is_checked", False) else data[0]), data
    # By what they can do: their packages may be missing, and are slow to import.
    if hasattr(data, "element_spec") and hasattr(data, "take"):
        return next(iter(data.take(1)), None), data
    examples = getattr(data, "dataset", None)
    if hasattr(data, "collate_fn") and hasattr(examples, "__getitem__"):
        if data.batch_sampler is None:
            return data.collate_fn(examples[0]), data
        count = min(MOST_EXAMPLES, len(examples))
        return data.collate_fn([examples[index] for index in range(count)]), data
    return None, data


def _whole(taken, rest):
    # Keras knows generators, not other iterators.
    yield from taken
    yield from rest
