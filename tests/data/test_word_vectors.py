"""Files of word vectors: what is read of them, and what is refused."""

import numpy as np
import pytest

from capszoo.data.word_vectors import read_word_vectors
from tests.once import ONCE

pytestmark = ONCE
GLOVE = "the 0.5 -1e-1 2\nwho 1 2 3\n. . . 7 8 9\nécole 4 5 6\nwho 0 0 0\n"


@pytest.fixture
def write(tmp_path):
    def to(content):
        path = tmp_path / "vectors.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to


def test_the_words_asked_for(write):
    """The first line of a word counts, and a word with blanks is none that is asked for."""
    found = read_word_vectors(write(GLOVE), ["who", "école", "the", "whose", "."], dim=3)
    assert {word: vector.tolist() for word, vector in found.items()} == {
        "the": [0.5, np.float32(-0.1), 2.0],
        "who": [1.0, 2.0, 3.0],
        "école": [4.0, 5.0, 6.0],
    }
    assert found["who"].dtype == np.float32


@pytest.mark.parametrize(
    "content",
    [
        "2 3\n" + GLOVE,  # as fastText and word2vec write it
        "\ufeff" + GLOVE,
        GLOVE.replace("\n", " \r\n\n"),
        "a\u2028b\x85\xa0 1 1 1\n" + GLOVE,  # no line ends here
        GLOVE.rstrip(),
    ],
)
def test_forms_of_files(content, write):
    found = read_word_vectors(write(content), ["the", "who", "école"], dim=3)
    assert found.keys() == {"the", "who", "école"}
    assert found["who"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("the 1 2\n", r"3 numbers .* in line 1 of .*vectors\.txt\. Received: 2 numbers .*'the'"),
        ("the 1 2 3 4\n", r"in line 1 of .* Received: 4 numbers after 'the'"),
        (GLOVE + "cut 1\n", r"in line 6 of .* Received: 1 numbers after 'cut'"),
        (GLOVE + "2 3\n", "in line 6 of"),
        (" 1 2 3\n", "in line 1 of"),
        ("the 1 2 x\n", r"finite numbers after the word in line 1 of .* Received: 'x'"),
        ("a 1 2 3\nthe 1 nan 3\n", r"in line 2 of .* Received: 'nan'"),
        ("the 1 1e99 3\n", r"in line 1 of .* Received: '1e99'"),
        (b"a 1 2 3\nth\xe9 1 2 3\n", r"Line 2 of .*vectors\.txt is not UTF-8"),
    ],
)
def test_broken_lines_are_named(content, message, write):
    with pytest.raises(ValueError, match=message):
        read_word_vectors(write(content), ["the"], dim=3)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"word vectors at .*nowhere\.txt"):
        read_word_vectors(tmp_path / "nowhere.txt", ["the"], dim=3)
