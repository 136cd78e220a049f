"""The Olivetti faces: where they are found, and how they are divided, by persons."""

import os
import zipfile
from pathlib import Path

import numpy as np

PERSONS, PICTURES = 40, 10
SIDE = 64
# The first person of validation, and of the test.
VALIDATION, TEST = 28, 32


def read_olivetti(
    split: str, data_dir: str | os.PathLike | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Reads the 400 faces of the AT&T Laboratories Cambridge, ten of each of forty persons.

    They are divided by persons, so that nobody is seen on two sides: 0 to 27 for training, 28 to
    31 for validation, 32 to 39 for the test. The faces stand roughly at the same place.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: The folder with `olivetti.npz` in it: `images` (400, 64, 64, 1), uint8, and
            `person` (400,). Defaults to `None`, the environment variable `CAPSZOO_DATA_DIR`.

    Returns:
        Pictures, uint8 of shape (n, 64, 64, 1), and who it is, int64 of shape (n,).

    Raises:
        FileNotFoundError: If it is not there, with where it comes from.
        ValueError: If the file cannot be read or holds something else.
    """
    folder = data_dir or os.environ.get("CAPSZOO_DATA_DIR")
    path = Path(folder).expanduser() / "olivetti.npz" if folder else None
    if path is None or not path.is_file():
        raise FileNotFoundError(
            f"There is no file {path or 'olivetti.npz'}. Write the Olivetti faces (AT&T "
            "Laboratories Cambridge; scikit-learn's fetch_olivetti_faces has them) into a folder "
            "that data_dir (--data-dir) or CAPSZOO_DATA_DIR names: np.savez('olivetti.npz', "
            "images=pictures, person=persons), pictures uint8 of shape (400, 64, 64, 1)."
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            images, persons = archive["images"], archive["person"]
    except (ValueError, OSError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"Cannot read {path}: {error}. Expected the arrays images and person."
        ) from error
    expected = np.repeat(np.arange(PERSONS), PICTURES)
    shape = (PERSONS * PICTURES, SIDE, SIDE, 1)
    if images.shape != shape or images.dtype != np.uint8:
        raise ValueError(
            f"The array 'images' of {path} must be uint8 of shape {shape}. Received: "
            f"{images.dtype} of shape {images.shape}."
        )
    if persons.shape != expected.shape or not np.array_equal(np.sort(persons), expected):
        raise ValueError(
            f"The array 'person' of {path} must name each of the persons 0 to {PERSONS - 1} "
            f"{PICTURES} times. Received: {persons.dtype} of shape {persons.shape}."
        )
    first, last = {
        "train": (0, VALIDATION),
        "validation": (VALIDATION, TEST),
        "test": (TEST, PERSONS),
    }[split]
    chosen = (persons >= first) & (persons < last)
    return images[chosen], persons[chosen].astype("int64")
