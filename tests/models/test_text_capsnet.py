"""TextCapsNet and its input end: strings in, answers out, from one's own file to presets."""

import json

import keras
import numpy as np
import pytest
import yaml

import capszoo
from capszoo.models.inputs import TokenInput
from tests.layer_checks import to_numpy
from tests.once import ONCE

pytest.importorskip("tokenizers")
SMALL = {
    "text_shape": (9, 30),
    "num_classes": 2,
    "embedding_dim": 16,
    "ngram_filters": 16,
    "primary_types": 2,
    "capsule_types": 2,
    "pose_dim": 4,
}
WORDS = "the a old red who where met did was"
ASKED = ["Who met the old king?", "Where was the king?", "Did a red cat, who met?", "Where?"]


def small(**changes):
    return capszoo.models.TextCapsNet(**{**SMALL, **changes})


def questions(count):
    """Questions that begin with who or with where, among words that tell nothing."""
    random = np.random.default_rng(0)
    others = ["the", "a", "old", "red", "met", "did", "was"]
    labels = np.arange(count) % 2
    texts = [
        " ".join([("Who", "Where")[label], *random.choice(others, random.integers(2, 7)), "?"])
        for label in labels
    ]
    return texts, labels


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        # Words; n-grams of three; 16 types of 16 numbers with a bias; a transform to 16 types, and
        # one to the classes and the orphan category.
        ({}, 10_000 * 300 + 3 * 300 * 32 + 32 + 32 * 256 + 256 + 16 * 256 + 16 * 16 * 4),
        (
            {"ngram_sizes": (3, 4, 5), "num_classes": 6, "text_shape": (37, 8000)},
            8000 * 300 + 12 * 300 * 32 + 3 * (32 + 32 * 256 + 256 + 16 * 256 + 16 * 16 * 7),
        ),
        ({"orphan": False}, 3_042_400 - 16 * 16),
    ],
)
@ONCE
def test_parameters(arguments, count):
    model = capszoo.models.TextCapsNet(**arguments)
    assert model.count_params() == count
    steps = -(-model.text_shape[0] // 2)
    sizes = len(arguments.get("ngram_sizes", (3,)))
    assert model.output["coupling"].shape == (None, model.num_classes, sizes * 16 * steps)


def test_strings_in_answers_out(tmp_path):
    texts, labels = questions(60)
    model = small()
    model.compile(keras.optimizers.Adam(0.01))
    validation = (texts[:8], labels[:8].tolist())
    model.fit(texts, labels.tolist(), 10, epochs=20, verbose=0, validation_data=validation)
    assert model.evaluate(texts, labels.tolist(), verbose=0, return_dict=True)["accuracy"] > 0.95
    assert model.vocabulary.split()[0] == "?"
    scores = model.predict(ASKED, verbose=0)
    for others in (np.array(ASKED), np.array(ASKED, object), [one.encode() for one in ASKED]):
        np.testing.assert_array_equal(model.predict(others, verbose=0), scores)
    np.testing.assert_allclose(model.predict_on_batch(ASKED), scores, atol=1e-6)
    assert model.encode(ASKED).shape == (4, 2, 4)
    np.testing.assert_allclose(np.linalg.norm(model.encode(ASKED), axis=-1), scores, atol=1e-3)

    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(ASKED, verbose=0), scores, atol=1e-6)
    model.save_to_preset(tmp_path / "preset")
    preset = capszoo.zoo.read_preset(tmp_path / "preset")
    assert "vocabulary" not in preset.model
    assert preset.learnt == {"vocabulary": model.vocabulary}
    loaded = capszoo.load(tmp_path / "preset")
    np.testing.assert_allclose(loaded.predict(ASKED, verbose=0), scores, atol=1e-6)
    other = capszoo.load(tmp_path / "preset", num_classes=5)
    assert other.predict(ASKED, verbose=0).shape == (4, 5)


def test_numbers_of_words_in(tmp_path):
    model = small(vocabulary=WORDS)
    ids = model.to_arrays(ASKED)
    scores = model.predict(ASKED, verbose=0)
    np.testing.assert_array_equal(model.predict(ids, verbose=0), scores)
    np.testing.assert_array_equal(model.predict(ids[:, :8].astype("int64"), verbose=0), scores)
    batches = ((ids[k : k + 2],) for k in (0, 2))
    np.testing.assert_allclose(model.predict(batches, steps=2, verbose=0), scores, atol=1e-6)
    model.compile()
    model.fit(
        ((ids, np.arange(4) % 2) for _ in range(2)), steps_per_epoch=2, shuffle=False, verbose=0
    )


@ONCE
@pytest.mark.parametrize("sizes", [3, (2, 3, 4)])
@pytest.mark.parametrize("routing", ["dynamic", "amended", "scaled_distance"])
def test_padding_changes_nothing(sizes, routing, rng):
    """Ten more places without a word, in the text and in the model; odd and even lengths."""
    if routing == "amended":
        routing = {"name": "dynamic", "leaky": True, "amend_coefficients": True}
    arguments = {"vocabulary": WORDS, "ngram_sizes": sizes, "routing": routing}
    model, longer, even = (small(**arguments, text_shape=(length, 30)) for length in (9, 19, 10))
    ids = rng.integers(1, 30, size=(6, 9)).astype("int32")
    for row, length in enumerate((9, 8, 5, 2, 1, 3)):
        ids[row, length:] = 0
    scores = model.predict(ids, verbose=0)
    poses = model.predict_output("poses", ids)
    for other in (longer, even):
        other.set_weights(model.get_weights())
        np.testing.assert_allclose(other.predict(ids, verbose=0), scores, atol=1e-6)
        np.testing.assert_allclose(other.predict_output("poses", ids), poses, atol=1e-6)
    coupling = longer.predict_output("coupling", ids)
    assert (coupling.sum(axis=1) <= 1 + 1e-5).all()
    # Of the last text, three words long, two n-grams of each size have a word.
    there = coupling[5].sum(axis=0).reshape(-1, 10, 2) > 0
    assert (there == (np.arange(10) < 2)[None, :, None]).all()
    # Every word counts: another last one gives another answer.
    ids[0, 8] = 1 + ids[0, 8] % 29
    assert np.abs(model.predict(ids, verbose=0) - scores)[0].max() > 1e-6


def test_the_orphan_category_has_no_part_in_the_loss(rng):
    model = small(vocabulary=WORDS, orphan=True)
    model.compile(keras.optimizers.SGD(0.1))
    ids = rng.integers(1, 30, size=(4, 9)).astype("int32")
    kernel = model.get_layer("class_capsules_3").kernel
    assert kernel.shape == (4, 1, 3, 4)
    outputs = model(ids)
    assert tuple(outputs["scores"].shape) == (4, 2)
    assert (to_numpy(outputs["coupling"]).sum(axis=1) < 1).all()


@ONCE
@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("Who?", r"a list of texts\. Received: one text\. Write \['Who\?'\]"),
        (["Who?", 3], r"Expected texts, strings\. Received: int 3 at row 1"),
        ([1, 2, 3], "Received: int 1 at row 0. Numbers of words are an array of integers"),
        (np.array(["a", None]), "Received: NoneType None at row 1"),
        ([["Who?"]], "Received: list .* at row 0"),
        (["Who?", "", " \n"], "at least one word. Received: 2 of 3 without, the first at row 1"),
        (["\u200b\x00"], "at least one word. Received: 1 of 1"),
        ([], "at least one text"),
        (np.zeros((0, 9), int), "at least one text"),
        (np.zeros((2, 9), int), "zeros alone in 2 of 2, the first at row 0"),
        (np.full((2, 9), 30), r"from 0 to 29\. Received: from 30 to 30"),
        (np.full((2, 9), -1), "Received: from -1 to -1"),
        (np.ones((2, 9)), r"\(batch, 9\)\. Received: float64 of shape \(2, 9\)"),
        (np.ones((2, 9, 1), int), r"Received: int64 of shape \(2, 9, 1\)"),
    ],
    ids=str,
)
def test_what_is_no_text_is_refused(texts, message):
    model = small(vocabulary=WORDS)
    model.compile()
    with pytest.raises(ValueError, match=message):
        model.predict(texts, verbose=0)
    with pytest.raises(ValueError, match=message):
        model.fit(texts, [0] * len(texts), verbose=0)
    with pytest.raises(ValueError, match=message):
        model.encode(texts)


@ONCE
def test_strings_in_a_pipeline_are_refused():
    model = small(vocabulary=WORDS)
    model.compile()
    with pytest.raises(ValueError, match=r"`model\.to_arrays\(texts\)` makes them"):
        model.fit(
            ((np.array(ASKED), np.zeros(4)) for _ in "a"),
            steps_per_epoch=1,
            shuffle=False,
            verbose=0,
        )


@ONCE
def test_unknown_characters_and_long_texts():
    model = small(vocabulary=WORDS)
    found = model.to_arrays(["\ud83d who", "漢字 who", "who " * 3_000_000])
    assert found[:, :4].tolist() == [[1, 6, 0, 0], [1, 1, 6, 0], [6, 6, 6, 6]]
    assert np.isfinite(model.predict(["☃" * 50, "\ud83d"], verbose=0)).all()


@ONCE
def test_words_that_are_not_known_yet():
    model = small()
    with pytest.raises(ValueError, match=r"knows no words yet: call `model\.adapt\(texts\)`"):
        model.predict(ASKED, verbose=0)
    model.adapt(ASKED)
    assert model.vocabulary.split()[:4] == ["?", "king", "the", "met"][:1] + [
        "king",
        "met",
        "the",
    ]
    assert model.get_config()["vocabulary"] == model.vocabulary
    before = model.vocabulary
    model.compile()
    model.fit(["other words"], [0], verbose=0)
    assert model.vocabulary == before
    model.adapt(["other words"])
    assert model.vocabulary == "other words"


@ONCE
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text_shape": (9,)}, r"expected \(length, size\)"),
        ({"text_shape": (9, 2)}, "a size of at least 3"),
        ({"text_shape": (0, 9)}, "positive integer"),
        ({"vocabulary": []}, "at least one word"),
        ({"vocabulary": ["who", "who"]}, "each word once. Received: vocabulary='who'"),
        ({"vocabulary": ["Who"]}, "words in small letters"),
        ({"vocabulary": ["two words"]}, "without white space"),
        ({"vocabulary": [3]}, "words in small letters"),
        ({"vocabulary": 3}, "at least one word"),
        ({"vocabulary": [f"word{k}" for k in range(29)]}, "29 words needs 31 numbers"),
        ({"routing": "em"}, "without explicit activations"),
        ({"decoder": (8,)}, "no decoder of texts"),
        ({"decoder": keras.layers.Flatten()}, "no decoder of texts"),
        ({"ngram_sizes": ()}, "`ngram_sizes`"),
        ({"ngram_sizes": (3, 3)}, "`ngram_sizes`"),
    ],
    ids=str,
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        small(**arguments)


@pytest.fixture
def recipe(tmp_path):
    content = {
        "name": "asked",
        "family": "text_capsnet",
        "model": {**SMALL, "text_shape": [9, 30]},
        "data": {"name": "generated_questions"},
        "training": {"epochs": 3, "batch_size": 20, "optimizer": {"Adam": {"learning_rate": 0.01}}},
    }
    path = tmp_path / "asked.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture
def own_file(tmp_path):
    texts, labels = questions(200)
    lines = [
        f"{text},{('person', 'place')[label]}" for text, label in zip(texts, labels, strict=True)
    ]
    path = tmp_path / "own.csv"
    path.write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    return path


@ONCE
def test_trained_on_ones_own_file(recipe, own_file, tmp_path, run):
    """The vocabulary is that of the training texts; shape and classes are those of the file."""
    report = capszoo.training.train(recipe, data=own_file, output=tmp_path / "run", verbose=0)
    preset = capszoo.zoo.read_preset(tmp_path / "run")
    assert report["test_texts"] == 20
    assert preset.model["text_shape"] == [8, 12]
    assert preset.data.class_names == ["person", "place"]
    texts, _ = capszoo.data.load(own_file, kind="texts")
    assert sorted(preset.learnt["vocabulary"].split()) == sorted(
        {word for text in texts for word in text.lower().split()}
    )
    test, labels = capszoo.data.load(own_file, "test", kind="texts")
    found = (capszoo.load(tmp_path / "run").predict(test, verbose=0).argmax(-1) == labels).mean()
    assert report["test_accuracy"] == pytest.approx(found, abs=1e-6)
    code, out, _ = run("evaluate", tmp_path / "run")
    assert (code, "20 test texts" in out, "agrees" in out, "DO NOT" in out) == (
        0,
        True,
        True,
        False,
    )
    # Trained on, it has the same words; on other data, others.
    again = capszoo.training.train(
        recipe, data=own_file, epochs=4, output=tmp_path / "run", resume=True, verbose=0
    )
    assert again["epochs"] == 4
    report = capszoo.training.train(
        tmp_path / "run", data="generated_questions", epochs=1, output=tmp_path / "other", verbose=0
    )
    words = capszoo.zoo.read_preset(tmp_path / "other").learnt["vocabulary"].split()
    assert "bridge" not in preset.learnt["vocabulary"]
    assert len(words) == 10
    assert {"the", "what", "of"} <= set(words)


@ONCE
def test_a_vocabulary_of_ones_own_is_kept(recipe, own_file, tmp_path):
    settings = {"model.vocabulary": "who where ?"}
    capszoo.training.train(
        recipe, data=own_file, settings=settings, output=tmp_path / "r", verbose=0
    )
    preset = capszoo.zoo.read_preset(tmp_path / "r")
    assert (preset.model["vocabulary"], preset.learnt) == ("who where ?", None)
    assert capszoo.load(tmp_path / "r").vocabulary == "who where ?"


@ONCE
def test_searched_on_ones_own_file(recipe, own_file, tmp_path):
    pytest.importorskip("keras_tuner")
    report = capszoo.tuning.search(
        "text_capsnet",
        data=own_file,
        tuner="random",
        trials=1,
        epochs=1,
        overrides={"embedding_dim": 8, "primary_types": 4, "capsule_types": 4},
        output=tmp_path / "search",
    )
    assert report["finished"] == 1
    assert capszoo.zoo.read_preset(report["best"]).model["text_shape"] == [8, 12]


@ONCE
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learnt": {"words": "a b"}}, "Unknown key of `learnt`: 'words'"),
        ({"learnt": {"vocabulary": "a A"}}, r"learnt\.vocabulary: .*small letters"),
        (
            {"data": {"name": "generated_questions", "crop": [3, 3]}},
            r"`data\.crop` is for pictures",
        ),
        (
            {"data": {"name": "generated_questions", "augmentation": [{"RandomFlip": None}]}},
            r"`data\.augmentation` is for pictures",
        ),
        ({"data": {"name": "generated_ecg"}}, "Expected texts, strings. Received: ndarray"),
    ],
)
def test_presets_that_are_refused(changes, message, recipe, tmp_path):
    content = {**yaml.safe_load(recipe.read_text()), **changes}
    recipe.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        capszoo.training.train(recipe, output=tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()


@ONCE
def test_synthetic_texts_are_whole():
    for shape in ((1, 3), (2, 90), (37, 8000)):
        end = TokenInput(shape)
        end.check(end.synthetic())
        end.check(end.synthetic(7))
        assert len(np.unique(end.synthetic(), axis=0)) >= min(3, shape[0])


@pytest.mark.parametrize("sizes", [3, (2, 4)])
def test_words_that_voted(sizes):
    """By the sums written out, from couplings and poses of the convolutional capsules."""
    model = small(vocabulary=WORDS, ngram_sizes=sizes)
    found = model.words(ASKED)
    coupling = model.predict_output("coupling", ASKED)
    best = model.predict(ASKED, verbose=0).argmax(-1)
    for row, words in enumerate(found):
        assert [word for word, _ in words] == model._ends.input.tokenizer.words(ASKED[row])
        expected, child = np.zeros(9), 0
        for size in (sizes,) if sizes == 3 else sizes:
            layer = model.get_layer(f"conv_capsules_{size}")
            poses = keras.Model(model.inputs, layer.output).predict(
                model.to_arrays(ASKED), verbose=0
            )[row]
            for place, kind in np.ndindex(5, 2):
                weight = coupling[row, best[row], child] * np.linalg.norm(poses[place, kind])
                child += 1
                seen = [
                    word
                    for other in (place - 1, place, place + 1)
                    if 0 <= other < 5
                    for word in range(2 * other, 2 * other + size)
                    if word < len(words)
                ]
                for word in seen:
                    expected[word] += weight / len(seen)
        shares = [share for _, share in words]
        assert sum(shares) == pytest.approx(1)
        np.testing.assert_allclose(shares, (expected / expected.sum())[: len(words)], atol=1e-5)


@ONCE
def test_predicted_on_the_command_line(recipe, own_file, tmp_path, run):
    capszoo.training.train(recipe, data=own_file, output=tmp_path / "run", verbose=0)
    (tmp_path / "lines.txt").write_text("where is it\n\nwho//was it?\n", encoding="utf-8")
    code, out, _ = run("predict", tmp_path / "run", "Who was it?", tmp_path / "lines.txt")
    assert (code, "Who was it?" in out, "who//was it?" in out, "person" in out) == (0,) + (
        True,
    ) * 3
    code, out, _ = run("predict", tmp_path / "run", "who//was it?", "--json")
    assert json.loads(out)[0]["text"] == "who//was it?"
    csv = tmp_path / "found.csv"
    assert run("predict", tmp_path / "run", tmp_path / "lines.txt", "--output", csv)[0] == 0
    rows = csv.read_text().splitlines()
    assert rows[0] == "text,class,score,score of person,score of place"
    assert [row.split(",")[0] for row in rows[1:]] == ["where is it", "who//was it?"]
    for wrong in ([""], [tmp_path / "nowhere.txt"], ["who", "--invert"]):
        assert run("predict", tmp_path / "run", *wrong)[0] == 2


def test_a_control_without_capsules(rng):
    """Its count by hand, the answer by hand, and no part in it of what is behind a text."""
    control = {"embedding_dim": 4, "ngram_sizes": (2, 3), "ngram_filters": 5, "vocabulary": WORDS}
    model = capszoo.models.TextConvNet((9, 30), num_classes=3, **control)
    assert model.count_params() == 30 * 4 + (2 + 3) * 4 * 5 + 2 * 5 + 10 * 3 + 3
    model.get_layer("conv_2").bias.assign([1.0, -1.0, 0.0, 2.0, 0.5])
    ids = rng.integers(1, 30, size=(4, 9)).astype("int32")
    for row, length in enumerate((9, 6, 2, 1)):
        ids[row, length:] = 0
    scores = model.predict(ids, verbose=0)
    words, first, bias, second, _, weights, _ = map(to_numpy, model.get_weights())
    for row, length in enumerate((9, 6, 2, 1)):
        vectors = np.concatenate([words[ids[row, :length]], np.zeros((3, 4))])
        pooled = [
            np.maximum(
                [
                    np.tensordot(vectors[start : start + len(kernel)], kernel, 2) + added
                    for start in range(length)
                ],
                0,
            ).max(axis=0)
            for kernel, added in ((first, bias), (second, 0))
        ]
        logits = np.concatenate(pooled) @ weights
        np.testing.assert_allclose(scores[row], np.exp(logits) / np.exp(logits).sum(), atol=1e-5)
    longer = capszoo.models.TextConvNet((19, 30), num_classes=3, **control)
    longer.set_weights(model.get_weights())
    np.testing.assert_allclose(longer.predict(ids, verbose=0), scores, atol=1e-6)
    assert list(model.output) == ["scores"]
    with pytest.raises(ValueError, match="Unknown output 'poses'"):
        model.encode(ids)
    with pytest.raises(ValueError, match="`ngram_sizes`"):
        capszoo.models.TextConvNet((9, 30), ngram_sizes=())
