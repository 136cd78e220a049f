"""Unpacking a downloaded archive: all of it is checked before anything is written."""

import gzip
import pathlib
import shutil
import stat
import tarfile
import zipfile
import zlib

SUFFIXES = (".zip", ".tar.gz", ".tgz")
MAX_FILES = 1000
MAX_BYTES = 4 << 30
# What tarfile reads in one piece are headers: a longer one is an attack on our memory.
_MAX_PIECE = 1 << 20
# What the readers raise on files that are damaged, encrypted (RuntimeError), or packed by a method
# that Python does not know (one of its subclasses).
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    IndexError,  # of an entry without a name
    RuntimeError,
)
_MAX_NAME = 255  # bytes, of any file system


def unpack(archive: pathlib.Path, folder: pathlib.Path, where: object = None) -> None:
    """Unpacks a `.zip` or `.tar.gz` archive of plain files.

    An archive with a path that leads out of the folder, a link, a device, a file twice, or
    more than `MAX_FILES` files or `MAX_BYTES` bytes is refused as a whole.

    Args:
        archive: The archive; its content says which kind it is.
        folder: Where to unpack to; must not exist yet. It is not there after an error.
        where: Where the archive comes from, for the error. Defaults to `None`, its path.

    Raises:
        ValueError: If it is refused, damaged or no archive.
        OSError: If the folder cannot be written.
    """
    where = where or archive
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                _write_all(_check_all(_zip_files(opened), where), folder)
        else:
            with (
                gzip.open(archive) as plain,
                # tarfile needs less of a file than its types say.
                tarfile.open(fileobj=_Pieces(plain), mode="r:") as opened,  # type: ignore[call-overload]
            ):
                _write_all(_check_all(_tar_files(opened), where), folder)
                # gzip compares its checksum at the very end, which tarfile does not read.
                if len(plain.read(_MAX_PIECE)) == _MAX_PIECE:
                    raise tarfile.ReadError("more follows after its end")
    except _DAMAGE as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ValueError(f"{where} is not a readable .zip or .tar.gz archive: {error}") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


class _Pieces:
    """An open file that refuses to be read in one piece of unreasonable size."""

    def __init__(self, file):
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size):
        if not 0 <= size <= _MAX_PIECE:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._file.read(size)


def _zip_files(archive):
    """Yields name, whether it is a plain file or a folder, size, and a function that opens it."""
    for one in archive.infolist():
        kind = stat.S_IFMT(one.external_attr >> 16)
        is_plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
        opened = None if one.is_dir() else lambda one=one: archive.open(one)
        yield one.filename, is_plain, one.file_size, opened


def _tar_files(archive):
    for one in archive:
        is_plain = one.isdir() or (one.type in (tarfile.REGTYPE, tarfile.AREGTYPE))
        is_plain = is_plain and not one.issparse()
        opened = None if one.isdir() else lambda one=one: archive.extractfile(one)
        yield one.name, is_plain, one.size, opened


def _check_all(files, where):
    """Checks every file of an archive; returns those to write, by their path in the folder."""
    found, total = {}, 0
    for count, (name, is_plain, size, opened) in enumerate(files, start=1):
        # This reads names as the strictest system does: drives, and both kinds of slashes.
        path = pathlib.PureWindowsPath(name)
        if path.drive or path.root or ".." in path.parts or "\0" in name:
            raise ValueError(f"{where} was refused: {name!r} leads out of the target folder.")
        if any(len(part.encode(errors="replace")) > _MAX_NAME for part in path.parts):
            raise ValueError(f"{where} was refused: it holds a name over {_MAX_NAME} bytes.")
        if not is_plain:
            raise ValueError(f"{where} was refused: {name!r} is a link or no plain file.")
        total += size
        if count > MAX_FILES or total > MAX_BYTES:
            raise ValueError(
                f"{where} was refused: it holds more than {MAX_FILES} files or {MAX_BYTES} bytes."
            )
        if opened is None:
            continue
        if path in found:
            raise ValueError(f"{where} was refused: it holds {name!r} twice.")
        found[path] = opened
    for path in found:
        if not path.parts or any(parent in found for parent in path.parents):
            raise ValueError(f"{where} was refused: {str(path)!r} is a file and a folder.")
    return found


def _write_all(files, folder):
    folder.mkdir()
    for path, opened in files.items():
        target = folder.joinpath(*path.parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        with opened() as source, open(target, "wb") as file:
            shutil.copyfileobj(source, file)
