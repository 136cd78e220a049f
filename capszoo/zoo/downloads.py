"""Downloading one file: over HTTPS, of bounded size, whole, and no web page in its place."""

import os
import pathlib
from urllib.parse import urljoin
from urllib.parse import urlsplit

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SECONDS = (10, 30)  # to connect, and between two pieces
_REDIRECTS = 5
_PIECE = 1 << 16  # bytes


def check_url(url: str) -> None:
    """Raises `ValueError` unless files may be downloaded from an address.

    Args:
        url: The address: `https://...`, or `http://...` on this machine.

    Raises:
        ValueError: If it is another one.

    Example:

    >>> capszoo.zoo.downloads.check_url("https://example.com/preset.yaml")
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("https", "http"):
        raise ValueError(f"Expected an address https://host/path. Received: {url!r}")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError(
            "Expected an address https://..., as http:// can be changed on its way and is "
            f"allowed for {', '.join(_LOOPBACK)} only. Received: {url!r}"
        )


def download(url: str, path: pathlib.Path, limit: int) -> None:
    """Downloads a file; a progress bar shows on a terminal.

    Args:
        url: The address, see `check_url`; redirects must keep to the same rule.
        path: Where to write to. After an error, what is there is not the file.
        limit: The most bytes it may have.

    Raises:
        ValueError: If the address is not allowed, or a web page or too much came.
        OSError: If the server cannot be reached, refuses or ends early, or the disk is full.
    """
    # As long to import as the rest of the package, and most of its users never download.
    import requests

    try:
        with requests.Session() as session, _open(session, url) as response:
            if response.status_code != 200:
                raise OSError(
                    f"Could not download {url}: the server answered "
                    f"{response.status_code} {response.reason}."
                )
            _write(response, url, path, limit)
    except requests.RequestException as error:
        raise OSError(f"Could not download {url}: {error}") from error
    refuse_web_page(path, url)


def refuse_web_page(path: str | os.PathLike, url: str) -> None:
    """Raises `ValueError` if a downloaded file is HTML, as networks answer before a login."""
    with open(path, "rb") as file:
        start = file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise ValueError(
            f"Expected a preset's file from {url}. Received: a web page. Does the address lead "
            "to the file itself, and does this network ask for a login first?"
        )


def _open(session, url):
    """Requests an address, following redirects by the rule for addresses."""
    for _ in range(_REDIRECTS + 1):
        check_url(url)
        response = session.get(
            url,
            stream=True,
            timeout=_SECONDS,
            allow_redirects=False,
            headers={"Accept-Encoding": "identity"},
        )
        if not response.is_redirect:
            return response
        response.close()
        target = urljoin(url, response.headers["location"])
        if url.startswith("https:") and not target.startswith("https:"):
            raise ValueError(f"{url} redirects to {target}, away from https://.")
        url = target
    raise OSError(f"Could not download {url}: more than {_REDIRECTS} redirects.")


def _write(response, url, path, limit):
    size = response.headers.get("content-length", "")
    size = int(size) if size.isdecimal() else None
    _check_size(size or 0, url, limit)
    written = 0
    with open(path, "wb") as file, _progress() as progress:
        task = progress.add_task(path.name, total=size)
        for piece in response.iter_content(_PIECE):
            written += len(piece)
            _check_size(written, url, limit)
            file.write(piece)
            progress.update(task, completed=written)


def _check_size(size, url, limit):
    if size > limit:
        raise ValueError(f"{url} is too large: expected at most {limit} bytes. Received: {size}")


def _progress():
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True)
    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
