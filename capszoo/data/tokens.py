"""Words of texts as numbers: how texts are taken apart, and which words are known."""

import functools
import itertools
from collections import Counter
from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np

# What stands where a text has ended, and for a word that is not in the vocabulary.
PADDING, UNKNOWN = 0, 1
RESERVED = 2
# No more than so many characters of a text are looked at for each token that counts.
CHARACTERS_PER_TOKEN = 100
# Of a vocabulary, so that a preset's file holds it.
MOST_WORDS, MOST_CHARACTERS = 100_000, 600_000
LONGEST_WORD = 50


class WordTokenizer:
    """Takes texts apart into words and gives each the number it has in a vocabulary.

    Letters become small, Unicode is composed (NFKC), control characters are left out; what white
    space divides is a word, and each punctuation mark and Chinese character is one by itself. Of a
    text the first `100 * length` characters are looked at, however long it is, and of their words
    the first `length` count.

    Args:
        vocabulary: The known words, in small letters. The first one is number 2: 0 stands where a
            text has ended, 1 for a word that is not known.
        length: How many words of a text count.

    Raises:
        ImportError: If the package `tokenizers` is missing.

    Example:

    >>> tokenizer = capszoo.data.tokens.WordTokenizer(("who", "wrote", "?"), length=6)
    >>> tokenizer.ids(["Who wrote Hamlet?"]).tolist()
    [[2, 3, 1, 4, 0, 0]]
    """

    def __init__(self, vocabulary: Sequence[str], length: int):
        self.length = length
        numbers = {word: number for number, word in enumerate(vocabulary, RESERVED)}
        self._tokenizer = _tokenizer({"[PAD]": PADDING, "[UNK]": UNKNOWN, **numbers})
        self._tokenizer.enable_truncation(length)
        self._tokenizer.enable_padding(length=length, pad_id=PADDING, pad_token="[PAD]")

    def ids(self, texts: Iterable[str]) -> np.ndarray:
        """Gives the numbers of the words of each text.

        Args:
            texts: Strings.

        Returns:
            int32 array of shape `(n, length)`.
        """
        found = self._tokenizer.encode_batch([_shortened(text, self.length) for text in texts])
        return np.array([one.ids for one in found], "int32").reshape(-1, self.length)

    def words(self, text: str) -> list[str]:
        """Gives the words of a text that count, those that are not known among them."""
        return _words(self._tokenizer, text, self.length)


def learn_vocabulary(texts: Iterable[str], length: int, size: int) -> tuple[str, ...]:
    """Learns which words there are, the most frequent first.

    Args:
        texts: Strings.
        length: How many words of a text count.
        size: How many numbers there are for words, the two that are reserved among them.

    Returns:
        At most `size - 2` words. Those of more than 50 characters are left out, as unknown.

    Raises:
        ImportError: If the package `tokenizers` is missing.

    Example:

    >>> capszoo.data.tokens.learn_vocabulary(["To be, or not to be"], length=40, size=4)
    ('be', 'to')
    """
    counts = _count(texts, length)[0]
    ordered = sorted(counts, key=lambda word: (-counts[word], word))[: max(0, size - RESERVED)]
    characters = itertools.accumulate(len(word) + 1 for word in ordered)
    return tuple(
        word
        for word, total in zip(ordered[:MOST_WORDS], characters, strict=False)
        if total <= MOST_CHARACTERS
    )


def texts_shape(texts: Iterable[str], longest: int) -> tuple[int, int]:
    """Finds how many words the longest of some texts has, and how many numbers their words need.

    Args:
        texts: Strings.
        longest: How many words of a text count at most.

    Returns:
        `(length, size)`.

    Example:

    >>> capszoo.data.tokens.texts_shape(["To be, or not to be", "Who?"], longest=128)
    (7, 9)
    """
    counts, length = _count(texts, longest)
    return max(1, length), len(counts) + RESERVED


def _count(texts, length):
    """How often each word that a vocabulary may hold stands in texts, and how many words most."""
    tokenizer, counts, longest = _tokenizer({"[UNK]": 0}), Counter(), 0
    for text in texts:
        words = _words(tokenizer, text, length)
        longest = max(longest, len(words))
        counts.update(words)
    return Counter({word: count for word, count in counts.items() if is_word(word)}), longest


def is_word(word: str) -> bool:
    """Tells whether a text can be a word of a vocabulary: short, small letters, no white space."""
    whole = len(word) <= LONGEST_WORD and word.split() == [word]
    return whole and word.isprintable() and word == word.lower()


def _words(tokenizer, text, length):
    normal = tokenizer.normalizer.normalize_str(_shortened(text, length))
    return [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal)[:length]]


def _shortened(text, length):
    text = text[: CHARACTERS_PER_TOKEN * length]
    # Half of a surrogate pair is no character.
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _tokenizer(numbers):
    package = _package()
    tokenizer = package.Tokenizer(package.models.WordLevel(numbers, unk_token="[UNK]"))
    tokenizer.normalizer = package.normalizers.Sequence(
        [
            package.normalizers.NFKC(),
            package.normalizers.BertNormalizer(strip_accents=False, lowercase=True),
        ]
    )
    tokenizer.pre_tokenizer = package.pre_tokenizers.BertPreTokenizer()
    return tokenizer


@functools.cache
def _package():
    try:
        import tokenizers
    except ImportError:
        raise ImportError(
            'Taking texts apart needs the package tokenizers: pip install "capszoo[text]"'
        ) from None
    return tokenizers
