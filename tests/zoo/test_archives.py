"""Archives: what leads out of the folder, links or is too large is refused as a whole."""

import gzip
import io
import stat
import tarfile
import zipfile

import pytest

from capszoo.zoo import archives
from tests.once import ONCE

pytestmark = ONCE

GOOD = {"tiny/preset.yaml": b"name: tiny", "tiny/deep/er.txt": b"x" * 100_000}


def make_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return path


def make_tar(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for one, content in files:
            if isinstance(one, str):
                one = tarfile.TarInfo(one)
            one.size = len(content)
            archive.addfile(one, io.BytesIO(content))
    return path


MAKERS = {"zip": make_zip, "tar.gz": make_tar}
each_kind = pytest.mark.parametrize("kind", list(MAKERS))


@pytest.fixture
def refused(tmp_path):
    """Unpacks an archive that must be refused, and nothing written."""

    def refused(path, match):
        inside = tmp_path / "inside"
        inside.mkdir(exist_ok=True)
        with pytest.raises(ValueError, match=match) as caught:
            archives.unpack(path, inside / "target", where="https://example.com/x")
        assert str(caught.value).startswith("https://example.com/x ")
        assert list(inside.iterdir()) == []
        assert {one.name for one in tmp_path.iterdir()} <= {path.name, "inside"}

    return refused


@each_kind
def test_good(kind, tmp_path):
    path = MAKERS[kind](tmp_path / "archive", GOOD.items())
    archives.unpack(path, tmp_path / "target")
    for name, content in GOOD.items():
        assert (tmp_path / "target" / name).read_bytes() == content


def test_folders_of_their_own(tmp_path):
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.mkdir("tiny")
        archive.writestr("tiny/preset.yaml", "x")
    archives.unpack(tmp_path / "a", tmp_path / "zip")
    folder = tarfile.TarInfo("tiny")
    folder.type = tarfile.DIRTYPE
    make_tar(tmp_path / "b", [(folder, b""), ("tiny/preset.yaml", b"x")])
    archives.unpack(tmp_path / "b", tmp_path / "tar")
    for name in ("zip", "tar"):
        assert (tmp_path / name / "tiny" / "preset.yaml").read_bytes() == b"x"


@each_kind
@pytest.mark.parametrize(
    "name",
    ["../evil", "a/../../evil", "a/..", "/tmp/evil", "..\\evil", "C:\\evil", "C:evil", "\\evil"],
)
def test_names_that_lead_out(name, kind, tmp_path, refused):
    path = MAKERS[kind](tmp_path / "archive", [("preset.yaml", b"x"), (name, b"evil")])
    refused(path, "leads out of the target folder")


@pytest.mark.parametrize("kind", ["SYMTYPE", "LNKTYPE", "FIFOTYPE", "CHRTYPE", "GNUTYPE_SPARSE"])
def test_links_and_devices_in_tar(kind, tmp_path, refused):
    link = tarfile.TarInfo("link")
    link.type, link.linkname = getattr(tarfile, kind), "../evil"
    path = make_tar(tmp_path / "archive", [("preset.yaml", b"x"), (link, b"")])
    refused(path, "is a link or no plain file|is not a readable")


def test_links_in_zip(tmp_path, refused):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    refused(make_zip(tmp_path / "archive", [("preset.yaml", b"x"), (link, "../evil")]), "is a link")


@each_kind
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_name_twice(kind, tmp_path, refused):
    path = MAKERS[kind](tmp_path / "archive", [("a/b", b"x"), ("a//b", b"y")])
    refused(path, "holds 'a//b' twice")


@each_kind
def test_a_file_and_a_folder(kind, tmp_path, refused):
    refused(MAKERS[kind](tmp_path / "archive", [("a", b"x"), ("a/b", b"y")]), "file and a folder")


@each_kind
def test_too_large(kind, tmp_path, refused, monkeypatch):
    path = MAKERS[kind](tmp_path / "archive", GOOD.items())
    monkeypatch.setattr(archives, "MAX_BYTES", 100_000)
    refused(path, "more than 1000 files or 100000 bytes")
    monkeypatch.setattr(archives, "MAX_BYTES", 200_000)
    monkeypatch.setattr(archives, "MAX_FILES", 1)
    refused(path, "more than 1 files")


def test_a_zip_that_lies_about_its_size(tmp_path, refused):
    path = make_zip(tmp_path / "archive", [("a", b"x" * 1000)])
    content = path.read_bytes()
    size = (1000).to_bytes(4, "little")
    assert content.count(size) == 2
    path.write_bytes(content.replace(size, (10).to_bytes(4, "little")))
    refused(path, r"is not a readable \.zip or \.tar\.gz archive")


def test_a_huge_header(tmp_path, refused):
    long = tarfile.TarInfo("x")
    long.type = tarfile.GNUTYPE_LONGNAME
    refused(make_tar(tmp_path / "archive", [(long, b"x" * (2 << 20))]), "a header of 2097")


@each_kind
@pytest.mark.parametrize("damage", ["truncated", "altered"])
def test_damaged(kind, damage, tmp_path, refused, rng):
    noise = rng.integers(0, 256, 10_000).astype("uint8").tobytes()
    path = MAKERS[kind](tmp_path / "archive", [("a", noise)])
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        content = content[:-500]
    else:
        content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refused(path, r"is not a readable \.zip or \.tar\.gz archive")


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"PK\3\4", gzip.compress(b"no tar at all", mtime=0)]
)
def test_no_archive(content, tmp_path, refused):
    path = tmp_path / "archive"
    path.write_bytes(content)
    refused(path, r"is not a readable \.zip or \.tar\.gz archive")


@each_kind
def test_odd_names(kind, tmp_path, refused):
    long = MAKERS[kind](tmp_path / "archive", [("x" * 256, b"")])
    refused(long, "was refused: it holds a name over 255 bytes")
    nameless = MAKERS[kind](tmp_path / "archive", [("n" if kind == "zip" else "", b"content")])
    if kind == "zip":
        # The name's letter becomes a comment's.
        content = bytearray(nameless.read_bytes())
        entry = content.index(b"PK\x01\x02")
        content[entry + 28], content[entry + 32] = 0, 1
        nameless.write_bytes(content)
    refused(nameless, "is not a readable|is a file and a folder")


@pytest.mark.parametrize("method", ["bz2", "xz"])
def test_another_compression_inside(method, tmp_path, refused):
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode=f"w:{method}") as archive:
        archive.addfile(tarfile.TarInfo("preset.yaml"))
    path = tmp_path / "archive"
    path.write_bytes(gzip.compress(inner.getvalue()))
    refused(path, r"is not a readable \.zip or \.tar\.gz archive")
