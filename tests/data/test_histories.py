"""A user's own histories: who took what when, from a file."""

import numpy as np
import pytest

import capszoo
from tests.once import ONCE

pytestmark = ONCE
ROWS = [
    "Time,user,item,price",
    "10,ida,tea,1",
    "9,ida,milk,1",
    "11,ida,bread,1",
    "11,ida,jam,1",
    "30,ida,tea,1",
    "5,otto,jam,1",
    "7,otto,milk,1",
    "1,una,tea,1",
]


def load(path, split):
    return capszoo.data.load(path, split, kind="histories")


@pytest.fixture
def write(tmp_path):
    def to(rows, name="taken.csv"):
        path = tmp_path / name
        path.write_text("\n".join(rows), encoding="utf-8")
        return path

    return to


def test_the_last_items_are_held_out(write):
    """Ida took milk, tea, bread, jam and tea; Otto, with two items, is in training alone."""
    path = write(ROWS)
    assert capszoo.data.class_names(path, kind="histories") == ["bread", "jam", "milk", "tea"]
    assert capszoo.data.example_shape(path, kind="histories") == (4, 4)
    found = {split: load(path, split) for split in ("train", "validation", "test")}
    assert {
        split: (histories.tolist(), following.tolist())
        for split, (histories, following) in found.items()
    } == {
        "train": ([[1, -1, -1, -1], [2, -1, -1, -1], [2, 3, -1, -1]], [2, 3, 0]),
        "validation": ([[2, 3, 0, -1]], [1]),
        "test": ([[2, 3, 0, 1]], [3]),
    }
    histories, following = found["train"]
    assert (histories.dtype, following.dtype) == (np.int32, np.int64)


def test_dates_tabs_and_long_histories(write):
    rows = [
        "user\titem\ttime",
        *(f"a\t{99 - k}\t2026-01-{k // 24:02} {k % 24:02}" for k in range(99)),
    ]
    path = write(rows, "taken.tsv")
    histories, following = load(path, "test")
    # Numbers are ordered as such, and the last fifty count.
    assert capszoo.data.class_names(path, kind="histories")[:2] == ["1", "2"]
    assert histories.tolist() == [list(range(50, 0, -1))]
    assert following.tolist() == [0]
    assert len(load(path, "train")[0]) == 96


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["user,item"], r"the names user, item and time, divided by ','"),
        ([], r"the names user, item and time"),
        (ROWS[:1], "lines of who took what when"),
        ([*ROWS, "3,,tea,1"], r"a value as `user` in line 10 .* Received: ''"),
        ([*ROWS, "3,ida"], r"a value as `item` in line 10 .* Received: None"),
        ([*ROWS[:1], *ROWS[-3:]], "users with at least 4 items in .* Received: none"),
        ([*ROWS[:1], ROWS[-1]], "users with at least 4 items"),
    ],
)
def test_files_that_are_none(rows, message, write):
    with pytest.raises(ValueError, match=message):
        load(write(rows), "test")


def test_trained_on_ones_own_file(write, tmp_path, run):
    """Shape and items are those of the file; asked by name, they are named in the answer."""
    items = ["tea", "milk", "fresh bread", "jam", "honey"]
    rows = ["user,item,time"]
    for user in range(30):
        rows += [f"{user},{items[(user + 2 * step) % 5]},{step}" for step in range(6)]
    report = capszoo.training.train(
        "interest_capsnet_generated_histories",
        data=write(rows),
        epochs=1,
        settings={"model.variant": "comirec", "training.batch_size": 16},
        output=tmp_path / "run",
        verbose=0,
    )
    preset = capszoo.zoo.read_preset(tmp_path / "run")
    assert preset.model["history_shape"] == [5, 5]
    assert preset.data.class_names == sorted(items)
    assert report["test_histories"] == 30
    assert report["test_recall_at_20"] == 1  # there are five items
    code, out, _ = run("predict", tmp_path / "run", "tea, fresh bread", "jam", "--top", "2")
    assert code == 0
    assert sum(item in out for item in items) >= 2
    code, _, err = run("predict", tmp_path / "run", "tea, coffee")
    assert code == 2
    assert "Unknown item 'coffee'" in err
