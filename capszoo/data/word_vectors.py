"""Vectors of words that somebody else has trained, from text files: GloVe, fastText, word2vec."""

import os
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from capszoo.validation import shown

# That a float32 holds.
LARGEST_NUMBER = float(np.finfo("float32").max)


def read_word_vectors(
    path: str | os.PathLike, words: Iterable[str], dim: int
) -> dict[str, np.ndarray]:
    """Reads the vectors of some words from a file of many.

    Each line is a word and its numbers with one blank between, in UTF-8, as GloVe comes. A first
    line of two whole numbers, how many words there are and how many numbers each has, is passed
    over: fastText and word2vec write it in their text form. The file is read line by line, and of
    a word that stands in it twice the first line counts. That each line has as many numbers as it
    should is checked everywhere, that they are numbers in the lines of the words asked for.

    Args:
        path: The file.
        words: The words whose vectors are wanted, as they are written in the file.
        dim: How many numbers a vector has.

    Returns:
        Maps those words that are there to float32 arrays of shape `(dim,)`.

    Raises:
        FileNotFoundError: If there is no file.
        ValueError: If a line is not as it should be; the error names file and line.

    Example:

    >>> import pathlib
    >>> _ = pathlib.Path("vectors.txt").write_text("who 0.5 -1\\nwhere 2 0.25\\n")
    >>> capszoo.data.word_vectors.read_word_vectors("vectors.txt", ["who", "whose"], dim=2)
    {'who': array([ 0.5, -1. ], dtype=float32)}
    """
    path, wanted, found = Path(path).expanduser(), set(words), {}
    if not path.is_file():
        raise FileNotFoundError(f"There is no file of word vectors at {path}.")
    for number, line in _lines(path):
        parts = line.rsplit(" ", dim)
        if len(parts) <= dim or not parts[0] or _has_numbers_more(parts[0]):
            if number == 1 and _are_counts(line):
                continue
            raise ValueError(
                f"Expected a word and {dim} numbers with blanks between in line {number} of "
                f"{path}. Received: {line.count(' ')} numbers after {shown(line.split(' ')[0])}"
            )
        word = parts[0]
        if word in wanted and word not in found:
            found[word] = _vector(parts[1:], number, path)
    return found


def _lines(path) -> Iterator[tuple[int, str]]:
    """The lines of a file and their numbers, divided by "\\n" alone, without blank ones."""
    with path.open("rb") as file:
        for number, content in enumerate(file, start=1):
            try:
                line = content.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(f"Line {number} of {path} is not UTF-8 ({error}).") from None
            # fastText ends lines with a blank; other white space may be a word.
            line = line.rstrip(" \r\n")
            if line:
                yield number, line


def _has_numbers_more(word):
    """Whether what stands before the numbers is a word and numbers: some words have a blank."""
    _, *others = word.split(" ")
    return bool(others) and all(map(_is_number, others))


def _are_counts(line):
    parts = line.split(" ")
    return len(parts) == 2 and all(part.isascii() and part.isdigit() for part in parts)


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def _vector(numbers, line, path):
    for number in numbers:
        # What is not finite, or would not be in float32, is no less wrong.
        if not _is_number(number) or not abs(float(number)) <= LARGEST_NUMBER:
            raise ValueError(
                f"Expected finite numbers after the word in line {line} of {path}. "
                f"Received: {shown(number)}"
            )
    return np.array(numbers, "float64").astype("float32")
