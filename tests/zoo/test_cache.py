"""The cache: an entry is whole or not there, whoever is killed or runs beside it."""

import errno
import os
import pathlib
import threading
import time

import pytest

from capszoo.zoo import cache
from tests.once import ONCE

pytestmark = ONCE

SOURCE = "https://example.com/tiny"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CAPSZOO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def fill(folder):
    (folder / "preset.yaml").write_text("name: tiny")
    (folder / "tiny.weights.h5").write_bytes(b"weights")


def visible(home):
    return sorted(path.name for path in (home / "presets").glob("[!.]*"))


def leftovers(home):
    return sorted(path.name for path in (home / "presets").glob("*.partial"))


def refuse(folder):
    pytest.fail("filled although it is there")


def test_home(monkeypatch, home):
    assert cache.home() == home
    monkeypatch.setenv("CAPSZOO_HOME", "")
    assert cache.home() == pathlib.Path.home() / ".cache" / "capszoo"
    monkeypatch.setenv("CAPSZOO_HOME", "~/mine")
    assert cache.home() == pathlib.Path.home() / "mine"


def test_filled_once(home):
    folder = cache.fetch(SOURCE, fill)
    assert folder == cache.folder_of(SOURCE)
    assert folder.parent == home / "presets"
    assert sorted(os.listdir(folder)) == ["entry.json", "preset.yaml", "tiny.weights.h5"]
    assert cache.fetch(SOURCE, refuse) == folder
    assert cache.entries() == {SOURCE: folder}
    assert leftovers(home) == []


def test_sources_of_one_name_do_not_meet():
    others = ["https://example.org/tiny", "https://example.com/tiny?version=2", "hf://me/tiny"]
    assert len({cache.folder_of(one) for one in [SOURCE, *others]}) == 4
    odd = cache.folder_of("https://example.com/../../etc/pass wd?x=../..")
    assert odd.parent == cache.folder_of(SOURCE).parent


def test_nothing_there(home):
    assert cache.entries() == {}
    assert not home.exists()


@pytest.mark.parametrize("damage", ["altered", "truncated", "removed", "record"])
def test_a_damaged_entry_is_filled_anew(damage):
    folder = cache.fetch(SOURCE, fill)
    file = folder / ("entry.json" if damage == "record" else "tiny.weights.h5")
    content = {"altered": b"weightz", "truncated": b"weigh", "record": b"{"}
    file.unlink() if damage == "removed" else file.write_bytes(content[damage])
    cache.fetch(SOURCE, fill)
    assert (folder / "tiny.weights.h5").read_bytes() == b"weights"
    cache.fetch(SOURCE, refuse)


@pytest.mark.parametrize("error", [ValueError("wrong hash"), KeyboardInterrupt(), OSError("late")])
def test_a_failure_keeps_nothing(error, home):
    def fail(folder):
        fill(folder)
        raise error

    with pytest.raises(type(error)) as caught:
        cache.fetch(SOURCE, fail)
    assert caught.value is error
    assert visible(home) == leftovers(home) == []
    assert cache.fetch(SOURCE, fill).is_dir()


def test_what_a_killed_process_left_is_removed(home):
    partial = home / "presets" / f".{cache.folder_of(SOURCE).name}.partial"
    (partial / "unpacked").mkdir(parents=True)
    (partial / "half.weights.h5").write_bytes(b"wei")
    assert cache.entries() == {}
    folder = cache.fetch(SOURCE, fill)
    assert "half.weights.h5" not in os.listdir(folder)
    assert leftovers(home) == []


def test_two_at_once_fill_once():
    filled, found = [], []

    def slowly(folder):
        filled.append(folder)
        time.sleep(0.2)
        fill(folder)

    threads = [
        threading.Thread(target=lambda: found.append(cache.fetch(SOURCE, slowly))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(filled) == 1
    assert found == [cache.folder_of(SOURCE)] * 4


def test_full_disk(home):
    def full(folder):
        (folder / "half").write_bytes(b"wei")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match=r"Cannot write the cache .*No space left.*CAPSZOO_HOME") as e:
        cache.fetch(SOURCE, full)
    assert e.value.errno == errno.ENOSPC
    assert visible(home) == leftovers(home) == []


def test_home_is_a_file(home):
    home.write_text("not a folder")
    with pytest.raises(OSError, match=r"Cannot write the cache .*home'.*Set CAPSZOO_HOME"):
        cache.fetch(SOURCE, fill)


def test_read_only(monkeypatch):
    folder = cache.fetch(SOURCE, fill)

    def read_only(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    for name in ("mkdir", "rename", "open"):
        monkeypatch.setattr(os, name, read_only)
    with pytest.raises(PermissionError, match=r"Cannot write the cache .*Permission denied"):
        cache.fetch("https://example.com/other", fill)
    # What is there is still used.
    assert cache.fetch(SOURCE, refuse) == folder


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_read_only_folder(home):
    (home / "presets").mkdir(parents=True)
    (home / "presets").chmod(0o500)
    with pytest.raises(PermissionError, match="Cannot write the cache"):
        cache.fetch(SOURCE, fill)
    (home / "presets").chmod(0o700)
