"""Reading signals out of one file, as an array of the shape that a model takes."""

import os
from pathlib import Path

import numpy as np


def read_signals(path: str | os.PathLike, signal_shape: tuple[int, int]) -> np.ndarray:
    """Reads an `.npy` file of one signal or of several.

    Args:
        path: The file, of an array (length, channels) or (n, length, channels); of one channel
            (length,) or (n, length) too.
        signal_shape: `(length, channels)`.

    Returns:
        float32 array of shape (n, length, channels).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no such array.

    Example:

    >>> np.save("signals.npy", np.zeros((7, 500, 2)))
    >>> capszoo.data.signals.read_signals("signals.npy", (500, 2)).shape
    (7, 500, 2)
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file at {path}.")
    if path.suffix != ".npy" or path.is_dir():
        raise ValueError(
            f"Expected an .npy file of signals, as `numpy.save` makes. Received: {path}"
        )
    try:
        signals = np.load(path, allow_pickle=False).astype("float32")
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"Cannot read {path} as an array of numbers: {error}") from None
    length, channels = signal_shape
    shapes = [(length, channels)] + ([(length,)] if channels == 1 else [])
    for shape in shapes:
        if signals.shape in (shape, (len(signals), *shape)):
            return signals.reshape(-1, length, channels)
    raise ValueError(
        f"Expected signals of shape ({length}, {channels}) or (n, {length}, {channels}) in {path}. "
        f"Received: {signals.shape}"
    )
