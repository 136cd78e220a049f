"""The first batch of a pipeline, seen without taking it out; later ones, seen as they pass."""

import itertools
import types

import keras

# Of a data set of PyTorch, how many examples are looked at.
MOST_EXAMPLES = 16


def first_batch(data, check=None):
    """Makes the first batch of a pipeline once more than `fit` does.

    Data sets of TensorFlow, `keras.utils.PyDataset`, generators and PyTorch's loaders of data sets
    with an index show it, the last without a worker or a draw of their order: the first examples.
    Of others, such as PyTorch's `IterableDataset`, what is taken out may be lost: they do not.

    What Keras asks Python for, batches of generators and of a `PyDataset` without processes of its
    own, can be checked on its way. TensorFlow and PyTorch make theirs where nobody sees them.

    Args:
        data: What Keras takes as `x`, not arrays.
        check: Function of a batch that raises where it is none. Defaults to `None`.

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
        return (taken[0] if taken else None), _whole(taken, data, check)
    if isinstance(data, keras.utils.PyDataset):
        if getattr(data, "is_checked", False):
            return None, data
        # Another process would be sent the model with the check.
        checked = check is None or (data.use_multiprocessing and data.workers > 0)
        return data[0], data if checked else CheckedBatches(data, check)
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


class CheckedBatches(keras.utils.PyDataset):
    """The batches of another `PyDataset`, each checked as it is made.

    Args:
        batches: The other one, told of epochs as Keras tells it.
        check: Function of a batch that raises where it is none.
    """

    is_checked = True

    def __init__(self, batches, check):
        super().__init__(workers=batches.workers, max_queue_size=batches.max_queue_size)
        self.batches = batches
        self.check = check

    @property
    def num_batches(self):
        return self.batches.num_batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        batch = self.batches[index]
        self.check(batch)
        return batch

    def on_epoch_begin(self):
        self.batches.on_epoch_begin()

    def on_epoch_end(self):
        self.batches.on_epoch_end()


def _whole(taken, rest, check):
    # Keras knows generators, not other iterators.
    yield from taken
    for batch in rest:
        if check is not None:
            check(batch)
        yield batch
