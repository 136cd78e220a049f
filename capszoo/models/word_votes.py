"""Which words of a text a capsule that sees windows of n-grams sees, and how often."""

import numpy as np


def seen_words(
    length: int, places: int, ngram: int, strides: int, window: int, words: int
) -> np.ndarray:
    """Counts in how many n-grams of a window around each place each word stands.

    Args:
        length: How many words of a text count.
        places: How many n-grams there are.
        ngram: How many words an n-gram has.
        strides: Step between n-grams, in words.
        window: How many n-grams a window has.
        words: How many words the text has; those behind are none.

    Returns:
        Array `(places, length)`, each row a share of 1 among the words that the window has; zeros
        where it has none.

    Example:

    >>> capszoo.models.word_votes.seen_words(4, 2, ngram=2, strides=2, window=1, words=3).tolist()
    [[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    """
    counts = np.zeros((places, length))
    before = (window - 1) // 2
    for place in range(places):
        for other in range(place - before, place - before + window):
            if 0 <= other < places:
                counts[place, other * strides : other * strides + ngram] += 1
    counts[:, words:] = 0
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
