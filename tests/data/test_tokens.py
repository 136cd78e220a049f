"""Texts taken apart into words, and words as numbers."""

import time

import numpy as np
import pytest

from capszoo.data import tokens
from tests.once import ONCE

pytestmark = ONCE
pytest.importorskip("tokenizers")


def test_words_and_numbers():
    tokenizer = tokens.WordTokenizer(("who", "wrote", "?", "é"), length=6)
    found = tokenizer.ids(["Who wrote\tHamlet?!", "WHO", "", "É e\N{COMBINING ACUTE ACCENT}"])
    expected = [[2, 3, 1, 4, 1, 0], [2, 0, 0, 0, 0, 0], [0] * 6, [5, 5, 0, 0, 0, 0]]
    assert found.tolist() == expected
    assert found.dtype == np.int32
    found = tokenizer.words("Who wrote Hamlet? By his own hand")
    assert found == ["who", "wrote", "hamlet", "?", "by", "his"]


def test_strange_characters():
    """Control characters, halves of surrogate pairs, scripts without spaces, words of one sign."""
    tokenizer = tokens.WordTokenizer(("ab", "漢", "🙂"), length=4)
    assert tokenizer.ids(["a\x00b", "漢字🙂", "\ud83d", " \n\t"]).tolist() == [
        [2, 0, 0, 0],
        # What is no ideograph does not end a word.
        tokenizer.ids(["漢 字 🙂"])[0].tolist(),
        [1, 0, 0, 0],
        [0, 0, 0, 0],
    ]
    assert tokenizer.ids([]).shape == (0, 4)


def test_the_vocabulary_is_what_is_frequent():
    texts = ["b a", "a B c", "c d", "x" * 60, "\u200bd"]
    # Twice each: a, b, c and d, by the alphabet; a word of 60 letters is none.
    assert tokens.learn_vocabulary(texts, 10, 100) == ("a", "b", "c", "d")
    assert tokens.learn_vocabulary(texts, 10, 4) == ("a", "b")
    # Of each text the first word alone counts.
    assert tokens.learn_vocabulary(texts, 1, 100) == ("a", "b", "c", "d")
    assert tokens.learn_vocabulary(["b a", "a"], 1, 100) == ("a", "b")
    assert tokens.learn_vocabulary(["b a", "b"], 1, 100) == ("b",)
    assert tokens.texts_shape(texts, 128) == (3, 6)
    assert tokens.texts_shape(["a b c"], 2) == (2, 4)


def test_a_vocabulary_fits_into_a_file(monkeypatch):
    monkeypatch.setattr(tokens, "MOST_CHARACTERS", 9)
    assert tokens.learn_vocabulary(["aaa aaa bbb bbb ccc"], 10, 100) == ("aaa", "bbb")
    monkeypatch.setattr(tokens, "MOST_WORDS", 1)
    assert tokens.learn_vocabulary(["aaa aaa bbb bbb ccc"], 10, 100) == ("aaa",)


def test_a_long_text_costs_no_more_than_its_beginning():
    text = "who wrote " * 1_000_000
    started = time.perf_counter()
    tokenizer = tokens.WordTokenizer(("who", "wrote"), length=40)
    assert tokenizer.ids([text]).tolist() == [[2, 3] * 20]
    assert tokens.learn_vocabulary([text], 40, 10) == ("who", "wrote")
    assert time.perf_counter() - started < 0.5
    # One word that does not end is looked at for 100 characters a word.
    assert tokenizer.ids(["x" * 4000 + " who", "x" * 3900 + " who"])[:, :2].tolist() == [
        [1, 0],
        [1, 2],
    ]
