"""The sentence sets on which networks for text are compared since Kim (2014), from their files."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from capszoo.data.splits import digest
from capszoo.data.splits import hold_out_tenth

FOLDS = tuple(str(fold) for fold in range(10))
QUESTIONS = ("abbreviation", "entity", "description", "human", "location", "number")
_CODES = ("ABBR", "ENTY", "DESC", "HUM", "LOC", "NUM")


class SentenceSet(NamedTuple):
    """Where a set's sentences stand.

    Attributes:
        files: Maps each split that has files to their names, one for each class or one for all.
        take_apart: Function of a line to a sentence and its label; `None` where each class has a
            file. Defaults to `None`.
        encoding: Of the files. Defaults to `"latin-1"`.
    """

    files: dict[str, tuple[str, ...]]
    take_apart: Callable[[str], tuple[str, int]] | None = None
    encoding: str = "latin-1"


def _question(line):
    code, _, question = line.partition(" ")
    return question, _CODES.index(code.partition(":")[0])


def _rated(line):
    return line[2:], int(line[0])


SETS = {
    "trec": SentenceSet({"train": ("TREC.train",), "test": ("TREC.test",)}, _question),
    "mr": SentenceSet({"train": ("rt-polarity.neg", "rt-polarity.pos")}),
    "subj": SentenceSet({"train": ("subj.objective", "subj.subjective")}),
    "cr": SentenceSet({"train": ("custrev.neg", "custrev.pos")}),
    "sst2": SentenceSet(
        {
            "train": ("stsa.binary.train",),
            "validation": ("stsa.binary.dev",),
            "test": ("stsa.binary.test",),
        },
        _rated,
        "utf-8",
    ),
}


def read_sentences(
    name: str, split: str, data_dir: str | os.PathLike | None, fold: str = "0"
) -> tuple[np.ndarray, np.ndarray]:
    """Reads one split of a sentence set from the folder `text` of the data sets.

    Blank lines are left out. A set without a test split has ten folds, of which one is the test; a
    text's fold is its SHA-256 modulo ten, so that equal texts share one. Validation, where the set
    has none, is the fixed tenth of the training texts of `hold_out_tenth`.

    Args:
        name: A name of `SETS`.
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: Folder of the data sets; `None` stands for that of `CAPSZOO_DATA_DIR`.
        fold: Which tenth is the test, where there are folds. Defaults to `"0"`.

    Returns:
        Strings, an object array of shape (n,), and labels, int64 of shape (n,).

    Raises:
        FileNotFoundError: If a file is not there.
        ValueError: If a file is not as it should be.
    """
    files = SETS[name].files
    if split in files and "test" in files:
        texts, labels = _read(name, files[split], data_dir)
        if split != "train" or "validation" in files:
            return texts, labels
    else:
        texts, labels = _read(name, files["train"], data_dir)
    if "test" not in files:
        folds = [int.from_bytes(digest(text.encode())) % len(FOLDS) for text in texts]
        in_test = np.array(folds) == int(fold)
        chosen = in_test if split == "test" else ~in_test
        texts, labels = texts[chosen], labels[chosen]
    if split == "test":
        return texts, labels
    return choose_texts(texts, labels, split, f"the texts of {name}")


def choose_texts(
    texts: np.ndarray, labels: np.ndarray, split: str, source: str
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the texts and labels of one of two splits, the smaller a tenth of each class.

    Args:
        texts: Strings, an object array of shape (n,).
        labels: Their labels, of shape (n,).
        split: `"train"` for the larger part, else the tenth.
        source: What to name in an error.

    Returns:
        Texts and labels, in the order in which they came.
    """
    keys = [digest(text.encode("utf-8", "replace")) for text in texts]
    held_out = hold_out_tenth(labels, keys, f"{source} to make a split")
    chosen = ~held_out if split == "train" else held_out
    return texts[chosen], labels[chosen]


def as_array(texts: list[str]) -> np.ndarray:
    """An object array of strings: in NumPy's own, each would take as much memory as the longest."""
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


def _read(name, files, data_dir):
    data_dir = data_dir or os.environ.get("CAPSZOO_DATA_DIR") or None
    if data_dir is None:
        raise FileNotFoundError(
            f"The texts of {name!r} are not downloaded: put {', '.join(files)} into the folder "
            "`text` of your data sets, and give that folder by data_dir or CAPSZOO_DATA_DIR."
        )
    described, texts, labels = SETS[name], [], []
    for label, file in enumerate(files):
        path = Path(data_dir).expanduser() / "text" / file
        if not path.is_file():
            raise FileNotFoundError(f"There is no file at {path}, of the texts of {name!r}.")
        try:
            # By "\n" alone: Latin-1 has other characters that end a line to Python.
            for line in path.read_text(described.encoding).split("\n"):
                if line.strip():
                    apart = described.take_apart
                    text, own = (line, label) if apart is None else apart(line)
                    texts.append(text.strip())
                    labels.append(own)
        except (ValueError, IndexError) as error:
            raise ValueError(f"{path} is not the file of {name!r} it is called: {error}") from None
    return as_array(texts), np.array(labels, "int64")
