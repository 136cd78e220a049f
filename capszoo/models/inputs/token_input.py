"""The input end for texts: strings, or the numbers of their words."""

from typing import Any
from typing import ClassVar

import keras
import numpy as np

from capszoo import data as data_sets
from capszoo.data.tokens import PADDING
from capszoo.data.tokens import RESERVED
from capszoo.data.tokens import WordTokenizer
from capszoo.data.tokens import learn_vocabulary
from capszoo.kinds import TextShape
from capszoo.kinds import checked
from capszoo.models.arrays import is_array
from capszoo.models.arrays import to_numpy
from capszoo.models.inputs.input_end import InputEnd
from capszoo.models.kinds import Policy
from capszoo.models.kinds import Vocabulary
from capszoo.validation import check_text_shape

# How many words of a text count, and how many numbers there are for words, where nothing else is
# said.
LARGEST_SHAPE = (128, 20_000)


class TokenInput(InputEnd):
    """Texts as a model's input.

        texts - words - numbers

    A text becomes the numbers of its first words, in small letters, and zeros to the end; see
    `capszoo.data.tokens.WordTokenizer`. Which words are known is the vocabulary, which is learnt
    from the texts that a model is trained on. Numbers, made elsewhere, go in as they are, and zeros
    among them count for nothing.

    Args:
        text_shape: `(length, size)`: how many words of a text count, and how many numbers there
            are for words. Two of them are no word: 0 stands where a text has ended, 1 for a word
            that is not in the vocabulary.
        vocabulary: The known words, from number 2 on: a sequence, or one text with blanks between.
            Defaults to `None`: learnt by `adapt`, or by the first `fit` on texts.
        dtype: Taken as the other input ends take it. Defaults to `None`.

    Attributes:
        inputs: The symbolic numbers, `(batch, length)`.
        prepared: The same.
        features: The same: the body has an embedding for them.

    Raises:
        ValueError: If the shape is none, or the vocabulary holds what is no word or more words
            than there are numbers.

    Example:

    >>> texts = capszoo.models.inputs.TokenInput((6, 100), vocabulary="who wrote ?")
    >>> texts.to_arrays(["Who wrote Hamlet?"]).tolist()
    [[2, 3, 1, 4, 0, 0]]
    """

    # See `InputEnd`. Texts come as strings and become what the body takes at once.
    unit: ClassVar[str] = "texts"
    shape_argument: ClassVar[str] = "text_shape"
    default_data: ClassVar[str] = "generated_questions"
    default_limit: ClassVar[tuple[int, ...] | None] = LARGEST_SHAPE
    unprepared: ClassVar[dict[str, Any]] = {}
    learnt: ClassVar[tuple[str, ...]] = ("vocabulary",)
    decodable: ClassVar[bool] = False
    loads_arrays: ClassVar[bool] = False

    @checked
    def __init__(
        self,
        text_shape: TextShape,
        vocabulary: Vocabulary | None = None,
        dtype: Policy | None = None,
    ):
        self.text_shape = check_text_shape(text_shape)
        self._know(vocabulary)
        length, _ = self.text_shape
        self.inputs = self.prepared = self.features = keras.Input(
            (length,), dtype="int32", name="tokens"
        )

    def _know(self, vocabulary):
        words = vocabulary.split() if isinstance(vocabulary, str) else vocabulary
        _, size = self.text_shape
        if words is not None and len(words) + RESERVED > size:
            raise ValueError(
                f"A vocabulary of {len(words)} words needs {len(words) + RESERVED} numbers. "
                f"Received: text_shape={self.text_shape}, which has {size}"
            )
        self.vocabulary = None if words is None else " ".join(words)
        self._tokenizer = None

    @property
    def tokenizer(self) -> WordTokenizer:
        """The tokenizer of the vocabulary; raises `ValueError` where there is none yet."""
        if self.vocabulary is None:
            raise ValueError(
                "The model knows no words yet: call `model.adapt(texts)` with the texts it is "
                "trained on, or build it with `vocabulary`."
            )
        if self._tokenizer is None:
            self._tokenizer = WordTokenizer(self.vocabulary.split(), self.text_shape[0])
        return self._tokenizer

    @staticmethod
    def learn(x: Any, shape: tuple[int, ...]) -> dict[str, Any]:
        """Learns the vocabulary of texts, the most frequent words first.

        Args:
            x: Texts, a sequence or array of strings.
            shape: The `text_shape` of the model.

        Returns:
            The argument `vocabulary`, one text with blanks between words.

        Raises:
            ValueError: If something is no text.
        """
        return {"vocabulary": " ".join(learn_vocabulary(as_texts(x), *shape))}

    def adapt(self, x: Any) -> None:
        """Learns the vocabulary of texts, in place of the one there is."""
        self._know(self.learn(x, self.text_shape)["vocabulary"])

    def to_arrays(self, x: Any, training: bool = False) -> Any:
        """Makes numbers of the words of texts; what holds numbers already becomes as long.

        Args:
            x: Texts, a list or array of strings; or integers of shape (n, any length). What is
                neither, such as a pipeline, is given back.
            training: Whether a vocabulary is learnt of texts where there is none.
                Defaults to `False`.

        Returns:
            int32 array of shape `(n, length)`.

        Raises:
            ValueError: If something is no text, or a text has no word.
        """
        if isinstance(x, (str, bytes)):
            raise ValueError(f"Expected a list of texts. Received: one text. Write [{x[:40]!r}].")
        if not isinstance(x, (list, tuple)) and not is_array(x):
            return x
        numbers = to_numpy(x) if is_array(x) else None
        if numbers is not None and numbers.dtype.kind not in "OSUT":
            return self._as_long(numbers)
        texts = as_texts(x if numbers is None else numbers)
        if training and self.vocabulary is None:
            self.adapt(texts)
        found = self.tokenizer.ids(texts)
        wordless = np.flatnonzero((found == PADDING).all(axis=1))
        if len(wordless):
            raise ValueError(
                f"Expected texts with at least one word. Received: {len(wordless)} of {len(texts)} "
                f"without, the first at row {wordless[0]}: {texts[wordless[0]][:40]!r}"
            )
        return found

    def _as_long(self, numbers):
        length, _ = self.text_shape
        if numbers.ndim != 2 or numbers.dtype.kind not in "iu" or numbers.shape[1] == length:
            return numbers
        longer = np.full((len(numbers), length), PADDING, numbers.dtype)
        longer[:, : numbers.shape[1]] = numbers[:, :length]
        return longer

    def check(self, x) -> None:
        """Raises `ValueError` unless an array holds the numbers of words that the model takes."""
        numbers = to_numpy(x)
        length, size = self.text_shape
        if numbers.dtype.kind in "OSUT":
            raise ValueError(
                "Expected the batches of a pipeline to hold numbers of words, integers, not "
                "texts: `model.to_arrays(texts)` makes them."
            )
        if numbers.ndim != 2 or numbers.shape[1] != length or numbers.dtype.kind not in "iu":
            raise ValueError(
                f"Expected texts, or integers of shape (batch, length) = (batch, {length}). "
                f"Received: {numbers.dtype} of shape {numbers.shape}."
            )
        if not len(numbers):
            raise ValueError("Expected at least one text. Received: none.")
        smallest, largest = int(numbers.min()), int(numbers.max())
        if smallest < 0 or largest >= size:
            raise ValueError(
                f"Expected numbers of words from 0 to {size - 1}. "
                f"Received: from {smallest} to {largest}"
            )
        wordless = np.flatnonzero((numbers == PADDING).all(axis=1))
        if len(wordless):
            raise ValueError(
                "Expected texts with at least one word. Received: zeros alone in "
                f"{len(wordless)} of {len(numbers)}, the first at row {wordless[0]}"
            )

    @staticmethod
    def fit(data: dict, limit=None) -> tuple[list[int], dict]:
        """Finds the shape of texts that a preset's data name, and adds nothing to the data.

        Args:
            data: The `data:` of a preset, a dictionary.
            limit: The shape that is not exceeded. Defaults to `None`, `default_limit`.

        Returns:
            `(length, size)` and an empty dictionary.

        Raises:
            ValueError: If the data hold no texts.
        """
        shape = data_sets.example_shape(data["name"], kind="texts")
        (length, size), (longest, most) = check_text_shape(shape), limit or LARGEST_SHAPE
        return [min(length, longest), min(size, most)], {}

    @staticmethod
    def check_shape(shape: Any) -> tuple[int, int]:
        """Returns a shape as `(length, size)`, or raises `ValueError`."""
        return check_text_shape(shape)

    def synthetic(self, count: int = 3) -> np.ndarray:
        """Makes texts of numbers in a row, each shorter than the one before: alike everywhere.

        Args:
            count: How many texts. Defaults to `3`.

        Returns:
            int32 array `(count, length)`.
        """
        length, size = self.text_shape
        index, place = np.indices((count, length))
        numbers = 1 + (place * (index + 3) + 5 * index) % (size - 1)
        ends = np.maximum(1, length - index * max(1, length // count))
        return np.where(place < ends, numbers, PADDING).astype("int32")


def as_texts(x: Any) -> list[str]:
    """Returns texts as a list of strings, or raises `ValueError` at the first that is none."""
    texts = []
    for row, text in enumerate(x):
        if isinstance(text, bytes):  # as TensorFlow's strings are
            text = text.decode("utf-8", "replace")
        if not isinstance(text, str):
            raise ValueError(
                f"Expected texts, strings. Received: {type(text).__name__} {str(text)[:40]} at "
                f"row {row}. Numbers of words are an array of integers, (n, length)."
            )
        texts.append(str(text))
    if not texts:
        raise ValueError("Expected at least one text. Received: none.")
    return texts
