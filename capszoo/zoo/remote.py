"""Presets from elsewhere: a directory or an archive on the web, or a Hugging Face repository."""

import errno
import os
import pathlib
import re
import shutil
from typing import TypeGuard
from urllib.parse import urldefrag
from urllib.parse import urlsplit
from urllib.parse import urlunsplit

from capszoo.files import MAX_BYTES
from capszoo.files import uses_aliases
from capszoo.zoo import archives
from capszoo.zoo import cache
from capszoo.zoo import downloads
from capszoo.zoo import weights as weights_files
from capszoo.zoo.preset_file import PRESET_FILE
from capszoo.zoo.preset_file import read_preset_file

INSTALL_HUB = 'pip install "capszoo[hub]"'
_MAX_WEIGHTS_BYTES = archives.MAX_BYTES
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
_HUB = re.compile(r"hf://(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?", re.ASCII)


def is_remote(preset: object) -> TypeGuard[str]:
    """Whether a preset is given by an address, rather than a name or a path.

    Example:

    >>> capszoo.zoo.remote.is_remote("https://example.com/presets/tiny")
    True
    """
    return isinstance(preset, str) and "://" in preset


def source_of(address: str) -> str:
    """Checks the address of a preset and brings it to the one form the cache knows it by.

    Args:
        address: `https://...` of a preset directory, a preset file or a `.zip` or `.tar.gz`
            archive; `http://...` of one on this machine; or `hf://owner/repository`, with
            `@revision` if not the main one.

    Returns:
        The address in that form.

    Raises:
        ValueError: If the address is another one.

    Example:

    >>> capszoo.zoo.remote.source_of("https://example.com/presets/tiny/")
    'https://example.com/presets/tiny'
    """
    source = urldefrag(address).url.removesuffix(f"/{PRESET_FILE}").rstrip("/")
    if source.startswith("hf://"):
        if not _HUB.fullmatch(source):
            raise ValueError(f"Expected hf://owner/repository. Received: {address!r}")
    elif not source.startswith(("https://", "http://")):
        raise ValueError(
            "Expected the address of a preset as https://... or hf://owner/repository. "
            f"Received: {address!r}"
        )
    else:
        downloads.check_url(source)
    return source


def fetch_preset(address: str) -> pathlib.Path:
    """Finds the file of a preset by its address; downloaded and verified the first time.

    Args:
        address: See `source_of`.

    Returns:
        The preset file in the cache, its weights beside it.

    Raises:
        ValueError: If the address is not allowed, or what came is no preset, or its weights
            do not have the SHA-256 that it states.
        ImportError: If the address is `hf://...` and huggingface_hub is not installed.
        OSError: If it cannot be downloaded, or the cache cannot be written.
    """
    source = source_of(address)
    return cache.fetch(source, lambda folder: _fill(source, folder)) / PRESET_FILE


def _fill(source, folder):
    if source.startswith("hf://"):
        _download_from_hub(source, folder)
    elif urlsplit(source).path.lower().endswith(archives.SUFFIXES):
        _download_archive(source, folder)
    else:
        _download_files(source, folder)


def _read(path, where):
    """Reads a preset file that somebody else wrote."""
    if uses_aliases(path):
        raise ValueError(f"{where}: a preset from elsewhere may not use aliases (*name).")
    return read_preset_file(path, where=where)


def _download_files(source, folder):
    parts = urlsplit(source)
    is_file = parts.path.endswith((".yaml", ".yml"))
    directory, _, name = parts.path.rpartition("/") if is_file else (parts.path, "", PRESET_FILE)

    def address(name):
        return urlunsplit(parts._replace(path=f"{directory}/{name}"))

    downloads.download(address(name), folder / PRESET_FILE, MAX_BYTES)
    preset = _read(folder / PRESET_FILE, where=address(name))
    if preset.weights is not None:
        file = folder / preset.weights.file
        downloads.download(address(file.name), file, _limit(preset.weights))
        weights_files.verify(file, preset.weights, where=address(file.name))


def _limit(weights):
    """The most bytes that are taken of a weights file: about as many as its preset states.

    A few more, that a login page in its place, or a newer file, is told as what it is.
    """
    return min(weights.size + MAX_BYTES, _MAX_WEIGHTS_BYTES)


def _download_archive(source, folder):
    archive, unpacked = folder / "archive", folder / "unpacked"
    downloads.download(source, archive, archives.MAX_BYTES)
    archives.unpack(archive, unpacked, where=source)
    found = [*unpacked.glob(PRESET_FILE), *unpacked.glob(f"*/{PRESET_FILE}")]
    found = [path for path in found if path.is_file()]
    if len(found) != 1:
        raise ValueError(
            f"Expected {source} to hold one {PRESET_FILE}, at its top or in a folder there. "
            f"Received: {len(found)} of them"
        )
    (file,) = found
    preset = _read(file, where=f"{source}: {PRESET_FILE}")
    if preset.weights is not None:
        weights = file.with_name(preset.weights.file)
        weights_files.verify(weights, preset.weights, where=f"{source}: {weights.name}")
        os.rename(weights, folder / weights.name)
    os.rename(file, folder / PRESET_FILE)
    # Nothing else of it is kept.
    shutil.rmtree(unpacked)
    archive.unlink()


def _download_from_hub(source, folder):
    try:
        import huggingface_hub
    except ImportError:
        raise ImportError(
            f"Loading {source} needs huggingface_hub, which is not installed: {INSTALL_HUB}"
        ) from None
    named = _HUB.fullmatch(source)
    endpoint = os.environ.get("HF_ENDPOINT") or None
    if endpoint is not None:
        downloads.check_url(endpoint)

    def download(name, limit):
        try:
            url = huggingface_hub.hf_hub_url(
                named["repo"], name, revision=named["revision"], endpoint=endpoint
            )
            size = huggingface_hub.get_hf_file_metadata(url).size or 0
            if size > limit:
                raise ValueError(f"expected at most {limit} bytes. Received: {size}")
            path = huggingface_hub.hf_hub_download(
                named["repo"],
                name,
                revision=named["revision"],
                local_dir=folder,
                endpoint=endpoint,
            )
        except Exception as error:  # the hub's own, and those of the HTTP client it uses
            if getattr(error, "errno", None) in _DISK_ERRORS:
                raise
            if type(error) is ValueError:
                raise ValueError(f"{source}/{name} is too large: {error}") from None
            raise OSError(f"Could not download {name} of {source}: {error}") from error
        downloads.refuse_web_page(path, f"{source}/{name}")
        return pathlib.Path(path)

    preset = _read(download(PRESET_FILE, MAX_BYTES), where=f"{source}/{PRESET_FILE}")
    if preset.weights is not None:
        where = f"{source}/{preset.weights.file}"
        file = download(preset.weights.file, _limit(preset.weights))
        weights_files.verify(file, preset.weights, where=where)
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # the hub's notes
