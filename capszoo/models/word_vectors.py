"""Words of a model begin with vectors that somebody else has trained."""

import os
from typing import NamedTuple

import keras
import numpy as np

from capszoo.data.tokens import RESERVED
from capszoo.data.word_vectors import read_word_vectors
from capszoo.models.capsule_model import CapsuleModel


class FoundWords(NamedTuple):
    """How many words of a vocabulary were found in a file.

    Attributes:
        words: How many were found.
        of_words: How many the vocabulary has.
    """

    words: int
    of_words: int

    def __str__(self):
        return f"{self.words:,} of {self.of_words:,} words"


def load_word_vectors(model: CapsuleModel, path: str | os.PathLike) -> FoundWords:
    """Gives the words that a model knows the vectors of a file, such as GloVe's.

    Words that the file lacks keep the vectors they have. All of them are trained further, unless
    the layer is frozen: `model.get_layer("embedding").trainable = False`. Words of the file that
    are not in the vocabulary stay unknown: the texts that a model is trained on teach it nothing
    about them. Vocabularies are in small letters, so that of a file with capitals only the words
    in small letters are found.

    Args:
        model: A model of texts that knows its words: after `model.adapt(texts)`, or made with
            `vocabulary`. Its `embedding_dim` is how many numbers a vector of the file has.
        path: The file, see `capszoo.data.word_vectors.read_word_vectors`.

    Returns:
        How many words were found, of how many.

    Raises:
        FileNotFoundError: If there is no file.
        ValueError: If the model has no words, or no vectors for them, or a line of the file is
            not as it should be, or none of the words is there.

    Example:

    >>> import pathlib
    >>> _ = pathlib.Path("vectors.txt").write_text("who 0.5 -1\\nwhere 2 0.25\\n")
    >>> model = capszoo.models.TextCapsNet((8, 9), embedding_dim=2, vocabulary="who wrote")
    >>> print(capszoo.models.load_word_vectors(model, "vectors.txt"))
    1 of 2 words
    """
    embedding = next((one for one in model.layers if one.name == "embedding"), None)
    if "vocabulary" not in model.input_end.learnt or embedding is None:
        raise ValueError(
            "Word vectors are for models of texts with a layer named 'embedding', such as "
            f"TextCapsNet. Received: {type(model).__name__}"
        )
    if getattr(model, "vocabulary", None) is None:
        raise ValueError(
            "The model knows no words yet that could have vectors: call `model.adapt(texts)` "
            "with the texts it is trained on, or build it with `vocabulary`."
        )
    words = model.vocabulary.split()
    vectors = read_word_vectors(path, words, embedding.output_dim)
    if not vectors:
        raise ValueError(
            f"None of the {len(words)} words that the model knows stands in {os.fspath(path)}. "
            f"Expected a vector for some of them, such as {' '.join(words[:5])!r}"
        )
    values = np.array(keras.ops.convert_to_numpy(embedding.embeddings))
    for number, word in enumerate(words, start=RESERVED):
        if word in vectors:
            values[number] = vectors[word]
    embedding.embeddings.assign(values)
    return FoundWords(len(vectors), len(words))
