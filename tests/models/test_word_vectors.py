"""Models of texts whose words begin with the vectors of a file."""

import numpy as np
import pytest

import capszoo
from capszoo.models import load_word_vectors
from tests.layer_checks import to_numpy
from tests.once import ONCE

pytest.importorskip("tokenizers")


@pytest.fixture
def vectors(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("who 1 2 3 4\nthe 5 6 7 8\nking 9 10 11 12\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("family", ["text_capsnet", "text_conv_net"])
def test_words_begin_with_the_vectors_of_a_file(family, vectors):
    """Those that the file lacks, and what stands for no word, keep theirs."""
    cls = capszoo.models.get_family(family)
    model = cls((9, 12), num_classes=2, embedding_dim=4, vocabulary="who met the old")
    embedding = model.get_layer("embedding")
    before = to_numpy(embedding.embeddings)
    found = load_word_vectors(model, vectors)
    assert (found, str(found)) == ((2, 4), "2 of 4 words")
    after = to_numpy(embedding.embeddings)
    np.testing.assert_array_equal(after[[2, 4]], [[1, 2, 3, 4], [5, 6, 7, 8]])
    others = [0, 1, 3, *range(5, 12)]
    np.testing.assert_array_equal(after[others], before[others])


@ONCE
def test_what_has_no_words_is_refused(vectors):
    with pytest.raises(ValueError, match=r"knows no words yet .* `model\.adapt\(texts\)`"):
        load_word_vectors(capszoo.models.TextCapsNet((9, 12), embedding_dim=4), vectors)
    model = capszoo.models.TextCapsNet((9, 12), embedding_dim=4, vocabulary="whose old")
    with pytest.raises(ValueError, match=r"None of the 2 words .*such as 'whose old'"):
        load_word_vectors(model, vectors)
    wider = capszoo.models.TextCapsNet((9, 12), embedding_dim=8, vocabulary="who")
    with pytest.raises(ValueError, match=r"a word and 8 numbers .* line 1 .*Received: 4 numbers"):
        load_word_vectors(wider, vectors)
    pictures = capszoo.load("capsnet_digits", load_weights=False)
    with pytest.raises(ValueError, match=r"for models of texts .* Received: CapsNet"):
        load_word_vectors(pictures, vectors)


@ONCE
def test_in_a_recipe(tmp_path, capsys):
    """The words start there, and the run says how many; the file has to be there."""
    path = tmp_path / "vectors.txt"
    path.write_text("who 0 0 0 0\nbridge 3 3 3 3\nnobody 1 1 1 1\n", encoding="utf-8")
    settings = {
        "model": {"text_shape": [14, 92], "num_classes": 3, "embedding_dim": 4, "ngram_filters": 2},
        "training.word_vectors": str(path),
        "training.optimizer": {"SGD": {"learning_rate": 1e-6}},
    }
    recipe = "text_conv_net_generated_questions"
    output = tmp_path / "run"
    capszoo.training.train(recipe, settings=settings, epochs=1, output=output, verbose=2)
    assert f"From {str(path)!r}: 2 of 90 words" in capsys.readouterr().out
    model = capszoo.load(output)
    number = 2 + model.vocabulary.split().index("bridge")
    bridge = to_numpy(model.get_layer("embedding").embeddings)[number]
    np.testing.assert_allclose(bridge, 3, atol=1e-3)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"vectors\.txt"):
        capszoo.training.train(
            recipe, settings=settings, epochs=1, output=tmp_path / "other", verbose=0
        )
    assert not (tmp_path / "other" / "state.json").exists()
