"""Reading the named sets through TensorFlow Datasets, if possible without TensorFlow."""

import importlib.util
import os

import numpy as np

from capszoo.data.splits import Examples

INSTALL = 'pip install "capszoo[data]"'


class NotPrepared(RuntimeError):
    """A data set that TensorFlow Datasets cannot download or prepare."""


def read_tfds(name: str, tfds_name: str, part: str, data_dir: str | None) -> Examples:
    """Reads the training or test examples of a set, which is downloaded the first time.

    Preparing a set takes TensorFlow. It is prepared as array_record, so that reading it later
    does not. A copy that was prepared as tfrecord, as `tfds.load` does, is read as it stands,
    by TensorFlow. The examples come in the order of TensorFlow Datasets, not the official one.

    Args:
        name: The name of the set in this package, for the errors.
        tfds_name: Its name in TensorFlow Datasets.
        part: `"train"` or `"test"`.
        data_dir: The folder of TensorFlow Datasets, or `None` for its own default.

    Returns:
        The examples, with `instances` where the set has them.

    Raises:
        ImportError: If TensorFlow Datasets, or TensorFlow where it is needed, is not installed.
        NotPrepared: If the set cannot be downloaded or prepared.
    """
    own_file = (
        f"or put {name}.npz (x_train, y_train, x_test, y_test) into the folder given by the "
        "argument `data_dir` or the environment variable CAPSZOO_DATA_DIR"
    )
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ImportError(
            f"The data set {name!r} needs TensorFlow Datasets: {INSTALL}; {own_file}. "
            f"Importing it said: {error}"
        ) from error
    has_tensorflow = importlib.util.find_spec("tensorflow") is not None
    has_array_record = importlib.util.find_spec("array_record") is not None

    # Built first without a file format, because asking for another one than the set was
    # prepared with is an error.
    builder = tfds.builder(tfds_name, data_dir=data_dir)
    if not builder.data_path.exists():
        if not has_tensorflow:
            raise ImportError(
                f"The data set {name!r} is not yet prepared in {os.fspath(builder.data_path)}, "
                f"and preparing it needs TensorFlow (reading it later does not): {INSTALL}; "
                f"{own_file}."
            )
        file_format = "array_record" if has_array_record else "tfrecord"
        builder = tfds.builder(tfds_name, data_dir=data_dir, file_format=file_format)
        try:
            builder.download_and_prepare()
        except Exception as error:
            raise NotPrepared(
                f"TensorFlow Datasets could not prepare {tfds_name!r} in "
                f"{os.fspath(builder.data_path)}: {error}\nTry again with a network connection, "
                f"{own_file}."
            ) from error

    file_format = builder.info.file_format.value
    if file_format == "array_record" and has_array_record:
        source = builder.as_data_source(part)
        # In batches, three times as fast as one by one.
        starts = range(0, len(source), 1000)
        batches = [range(start, min(start + 1000, len(source))) for start in starts]
        examples = [example for rows in batches for example in source.__getitems__(list(rows))]
        columns = {key: np.stack([example[key] for example in examples]) for key in _keys(name)}
    elif has_tensorflow:
        columns = tfds.as_numpy(builder.as_dataset(split=part, batch_size=-1))
    else:
        raise ImportError(
            f"The data set {name!r} is prepared in {os.fspath(builder.data_path)} as "
            f"{file_format}, which only TensorFlow reads: {INSTALL}; {own_file}."
        )
    return _to_examples(name, columns)


def _keys(name):
    if name == "smallnorb":
        return (
            "image",
            "image2",
            "label_category",
            "instance",
            "label_elevation",
            "label_azimuth",
        )
    return ("image", "label")


def _to_examples(name, columns):
    if name != "smallnorb":
        return Examples(columns["image"], columns["label"].astype("int64"))
    pair = np.concatenate([_halve(columns["image"]), _halve(columns["image2"])], axis=-1)
    instances = columns["instance"].astype("int64")
    # TensorFlow Datasets counts azimuths by ones, the official files by twos.
    viewpoints = np.stack([columns["label_elevation"], 2 * columns["label_azimuth"]], axis=-1)
    labels = columns["label_category"].astype("int64")
    return Examples(pair, labels, instances, viewpoints.astype("int64"))


def _halve(images):
    """Returns the means of blocks of 2x2 pixels, halves rounded up."""
    count, height, width, channels = images.shape
    blocks = images.reshape(count, height // 2, 2, width // 2, 2, channels)
    return ((blocks.sum(axis=(2, 4), dtype="uint16") + 2) // 4).astype("uint8")
