"""scikit-learn's embedded handwritten digits: no download, for examples and quick tests."""

import numpy as np


def load_digits(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns one split of the 1,797 digits of 8x8 pixels that come with scikit-learn.

    The values 0 to 16 become `round(value * 255 / 16)`. The split is stratified with seed 0:
    360 pictures for the test, then 288 of the rest for validation, and 1,149 for training.

    Args:
        split: `"train"`, `"validation"` or `"test"`.

    Returns:
        Pictures, uint8 of shape (n, 8, 8, 1), and labels, int64 of shape (n,).
    """
    # Imported here: scikit-learn brings SciPy, which nothing else in this package needs.
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    labels = digits.target.astype("int64")
    rows = np.arange(len(labels))
    rest, test = train_test_split(rows, test_size=360, stratify=labels, random_state=0)
    train, validation = train_test_split(rest, test_size=288, stratify=labels[rest], random_state=0)
    chosen = np.sort({"train": train, "validation": validation, "test": test}[split])
    images = np.rint(digits.images * 255 / 16).astype("uint8")[..., np.newaxis]
    return images[chosen], labels[chosen]
