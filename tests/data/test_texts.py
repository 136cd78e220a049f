"""Texts: generated questions, the user's own files, the sentence sets from theirs."""

import json
import re

import numpy as np
import pytest

import capszoo
from capszoo.data import generated_questions as questions
from capszoo.data import sentence_sets
from tests.once import ONCE

pytestmark = ONCE
FIRST = [
    "what is the number of broken bridges in farrow ?",
    "what harbour did the engineer live in when the garden was built ?",
]
ROWS = [(f"{name} number {number}", name) for number in range(20) for name in ("dog", "cat")]


def load(path, split="train"):
    return capszoo.data.load(path, split, kind="texts")


def test_generated_questions_are_alike_everywhere():
    texts, labels = capszoo.data.load("generated_questions", "test")
    assert texts.dtype == object
    assert np.bincount(labels).tolist() == [200, 200, 200]
    assert texts[:2].tolist() == FIRST
    again, _ = capszoo.data.load("generated_questions", "test")
    again[:] = ""
    assert capszoo.data.load("generated_questions", "test")[0][0] == FIRST[0]


def test_no_word_gives_a_kind_away_alone():
    words = {
        kind: {word for pattern in patterns for word in pattern.split()}
        for kind, patterns in questions.PATTERNS.items()
    }
    assert {"who", "where", "what", "tell"} <= set.intersection(*words.values())
    pytest.importorskip("tokenizers")
    texts, labels = capszoo.data.load("generated_questions", "train")
    assert capszoo.data.tokens.texts_shape(texts, 128) == capszoo.data.example_shape(
        "generated_questions"
    )
    fitting = [
        re.compile(
            "|".join(
                re.sub(r"\{\w+\}", r"\\w+", re.escape(one).replace(r"\{", "{").replace(r"\}", "}"))
                for one in questions.PATTERNS[kind]
            )
        )
        for kind in questions.QUESTION_KINDS
    ]
    assert all(fitting[label].fullmatch(text) for text, label in zip(texts, labels, strict=True))


def write(path, rows=ROWS, header=("text", "label")):
    mark = "\t" if path.suffix == ".tsv" else ","
    if path.suffix == ".jsonl":
        lines = [json.dumps(dict(zip(header, row, strict=False))) for row in rows]
    else:
        lines = [mark.join(map(str, row)) for row in (header, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_one_file(suffix, tmp_path):
    path = write(tmp_path / f"own{suffix}")
    assert capszoo.data.class_names(path, kind="texts") == ["cat", "dog"]
    parts = {split: load(path, split) for split in ("train", "validation", "test")}
    assert {split: len(texts) for split, (texts, _) in parts.items()} == {
        "train": 32,
        "validation": 4,
        "test": 4,
    }
    seen = [text for texts, _ in parts.values() for text in texts]
    assert sorted(seen) == sorted(text for text, _ in ROWS)
    for texts, labels in parts.values():
        assert texts.dtype == object
        assert [("cat", "dog")[label] for label in labels] == [text[:3] for text in texts]


def test_splits_that_are_given(tmp_path):
    splits = ["Training", "dev", "test", "train"]
    rows = [(text, label, splits[k % 4]) for k, (text, label) in enumerate(ROWS + ROWS[1:])]
    path = write(tmp_path / "own.csv", rows, (" Text", "LABEL ", "split"))
    assert [len(load(path, split)[0]) for split in ("train", "validation", "test")] == [39, 20, 20]
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder / "train.csv")
    write(folder / "test.csv", ROWS[:6])
    (folder / "notes.csv").write_text("no texts")
    assert len(load(folder, "test")[0]) == 6
    assert len(load(folder, "validation")[0]) == 4
    write(folder / "testing.tsv")
    with pytest.raises(ValueError, match="two files for one split"):
        load(folder)


def test_a_folder_of_files(tmp_path):
    for number, (text, label) in enumerate(ROWS):
        path = tmp_path / label / f"{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"\ufeff{text}\n", encoding="utf-8")
    texts, labels = load(tmp_path, "test")
    assert capszoo.data.class_names(tmp_path, kind="texts") == ["cat", "dog"]
    assert [text[:3] for text in texts] == ["cat", "cat", "dog", "dog"]
    assert labels.tolist() == [0, 0, 1, 1]
    (tmp_path / "cat" / "0.txt").write_text(" ")
    with pytest.raises(ValueError, match=r"Expected a text in .*0\.txt. Received: an empty file"):
        load(tmp_path)


def test_labels_that_are_numbers_are_ordered_as_numbers(tmp_path):
    rows = [(f"text {k}", k % 3 + 9) for k in range(30)]
    assert capszoo.data.class_names(write(tmp_path / "own.jsonl", rows), kind="texts") == [
        "9",
        "10",
        "11",
    ]


def test_a_cell_may_hold_anything(tmp_path):
    """Ten megabytes, quotes, ends of lines of any kind."""
    rows = [
        (f'"{k} ""said"",\u2028\r\nit{" so" * (10**6 if k == 3 else 1)}"', "ab"[k % 2])
        for k in range(20)
    ]
    path = tmp_path / "own.csv"
    path.write_bytes(("text,label\r\n" + "\r\n".join(map(",".join, rows))).encode())
    texts = np.concatenate([load(path, split)[0] for split in ("train", "validation", "test")])
    assert sorted(texts) == sorted(text[1:-1].replace('""', '"') for text, _ in rows)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("one.csv", "text,label\na,x\nb,x\n", "at least two classes .* only 'x'"),
        ("none.csv", "text,label\n", "at least two classes .* no text"),
        ("empty.csv", "", "the names text and label, divided by ','"),
        ("names.csv", "sentence,label\na,x\n", "the names text and label.*'sentence,label'"),
        ("comma.tsv", "text,label\na,x\n", r"divided by '\\t'"),
        ("blank.csv", "text,label\na,x\n ,y\n", r"not empty as `text` in line 3 .*' '"),
        ("label.csv", "text,label\na,x\nb\n", "name of a class as `label` in line 3 .*None"),
        ("quote.csv", 'text,label\n"a,x\n', r"After line 1 of .*quote\.csv"),
        ("number.jsonl", '{"text": 3, "label": "x"}', "as `text` in line 1 .* Received: 3"),
        ("flag.jsonl", '{"text": "a", "label": true}', "as `label` in line 1 .* Received: True"),
        ("list.jsonl", "[1]", "an object with the keys text and label in line 1"),
        ("broken.jsonl", '{"text": ', "Line 1 of .* is not JSON"),
        ("deep.jsonl", "[" * 100_000, "Line 1 of .* is not JSON"),
        ("split.csv", "text,label,split\na,x,train\nb,y,later\n", "train, validation or test .*3"),
        ("alone.csv", "text,label,split\na,x,test\nb,y,test\n", "no training texts.*test alone"),
        (
            "new.csv",
            "text,label,split\na,x,train\nb,y,train\nc,z,test\n",
            "test texts of .* none of the training texts has: 'z'",
        ),
        ("few.csv", "text,label\na,x\nb,y\nc,y\nd,y\n", "Too few examples .* class 0 with 1 left"),
    ],
)
def test_files_that_are_none(name, content, message, tmp_path):
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load(tmp_path / name)


def test_other_errors_of_paths(tmp_path):
    (tmp_path / "own.csv").write_bytes("text,label\né,x".encode("latin-1"))
    with pytest.raises(ValueError, match=r"own\.csv is not UTF-8 .* Save it in that encoding"):
        load(tmp_path / "own.csv")
    with pytest.raises(ValueError, match="want kind='texts'"):
        capszoo.data.load(tmp_path / "own.csv")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        load("nowhere.csv")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="expected a sub-folder of texts for each class"):
        load(tmp_path / "folder")


LINES = {
    "TREC.train": "DESC:manner How can I find a list ?\nENTY:animal What is \xe9 ?\n \n" * 20,
    "TREC.test": "NUM:date When was that ?\n",
    "rt-polarity.neg": "".join(f"dull {k} \x85 film .\n" for k in range(200)),
    "rt-polarity.pos": "".join(f"fine {k} film .\n" for k in range(200)),
}


@pytest.fixture
def sentences(tmp_path, monkeypatch):
    (tmp_path / "text").mkdir()
    for name, content in LINES.items():
        (tmp_path / "text" / name).write_bytes(content.encode("latin-1"))
    for split in ("train", "dev", "test"):
        content = f"1 une {split} d\xe9licieuse .\n0 bad {split} .\n"
        (tmp_path / "text" / f"stsa.binary.{split}").write_text(content, encoding="utf-8")
    monkeypatch.setenv("CAPSZOO_DATA_DIR", str(tmp_path))
    return tmp_path


def test_sentence_sets(sentences):
    texts, labels = capszoo.data.load("trec", "train")
    assert set(zip(texts, labels, strict=True)) == {
        ("How can I find a list ?", sentence_sets.QUESTIONS.index("description")),
        ("What is \xe9 ?", sentence_sets.QUESTIONS.index("entity")),
    }
    assert len(texts) + len(capszoo.data.load("trec", "validation")[0]) == 40
    assert capszoo.data.load("trec", "test")[1].tolist() == [5]
    for split, name in (("train", "train"), ("validation", "dev"), ("test", "test")):
        texts, labels = capszoo.data.load("sst2", split)
        assert (texts[0], labels.tolist()) == (f"une {name} d\xe9licieuse .", [1, 0])


def test_folds(sentences):
    """Each text is in one test fold; the rest of a fold is its training and validation texts."""
    tests = []
    for fold in sentence_sets.FOLDS:
        parts = [capszoo.data.load("mr", s, fold=fold) for s in ("train", "validation", "test")]
        together = sorted(text for texts, _ in parts for text in texts)
        assert together == sorted(
            line.strip()
            for line in (LINES["rt-polarity.neg"] + LINES["rt-polarity.pos"]).strip().split("\n")
        )
        tests += parts[2][0].tolist()
        assert all((text[0] == "f") == label for text, label in zip(*parts[2], strict=True))
    assert sorted(tests) == together
    default, _ = capszoo.data.load("mr", "test")
    assert default.tolist() == capszoo.data.load("mr", "test", fold="0")[0].tolist()
    with pytest.raises(ValueError, match="`fold`"):
        capszoo.data.load("mr", "test", fold="10")


def test_sentence_sets_that_are_not_there(sentences, monkeypatch):
    (sentences / "text" / "TREC.test").write_text("What is this ?\n")
    with pytest.raises(ValueError, match=r"TREC\.test is not the file of 'trec' it is called"):
        capszoo.data.load("trec", "test")
    with pytest.raises(FileNotFoundError, match=r"text/subj\.objective, of the texts of 'subj'"):
        capszoo.data.load("subj")
    monkeypatch.delenv("CAPSZOO_DATA_DIR")
    with pytest.raises(FileNotFoundError, match=r"put custrev\.neg, custrev\.pos into the folder"):
        capszoo.data.load("cr")
