"""Downloading one file: over HTTPS, of bounded size, whole, and no web page in its place."""

import os
import pathlib
import threading
import time
from urllib.parse import urljoin
from urllib.parse import urlsplit

from capszoo.validation import plain

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SECONDS = (10, 30)  # to connect, and between two pieces
_REDIRECTS = 5
_PIECE = 1 << 14  # bytes
# A server that sends a byte now and then keeps to any time between two pieces: it is also given
# so many seconds, and then so many more for each so many bytes.
PATIENCE = 60  # seconds
SLOWEST = 1000  # bytes a second


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
    if parts.username or parts.password:
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        raise ValueError(
            "Expected an address without a user's name and password, which would be printed and "
            f"kept; a .netrc file may hold them. Received: one for {bare}"
        )
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
    transfer = _Transfer(url, path, limit)
    transfer.start()
    started = time.monotonic()
    while transfer.is_alive():
        transfer.join(0.05)
        if time.monotonic() - started > PATIENCE + transfer.written / SLOWEST:
            transfer.given_up = True
            raise OSError(
                f"Could not download {url}: the server is too slow. After "
                f"{time.monotonic() - started:.0f} seconds {transfer.written} bytes have come."
            )
    if transfer.error is not None:
        raise transfer.error
    refuse_web_page(path, url)


class _Transfer(threading.Thread):
    """Downloads a file beside us, who see how it goes: reading from a socket has no deadline.

    Args:
        url: The address.
        path: Where to write to.
        limit: The most bytes it may have.
    """

    def __init__(self, url, path, limit):
        super().__init__(daemon=True)
        self.url, self.path, self.limit = url, path, limit
        self.written = 0
        self.given_up = False
        self.error = None

    def run(self):
        try:
            self._download()
        except Exception as error:
            self.error = error

    def _download(self):
        # As long to import as the rest of the package, and most of its users never download.
        import requests

        try:
            with requests.Session() as session, _open(session, self.url) as response:
                if response.status_code != 200:
                    raise OSError(
                        f"Could not download {self.url}: the server answered "
                        f"{response.status_code} {plain(response.reason)}."
                    )
                self._write(response)
        except requests.RequestException as error:
            raise OSError(f"Could not download {self.url}: {error}") from error

    def _write(self, response):
        size = response.headers.get("content-length", "")
        size = int(size) if size.isdecimal() else None
        _check_size(size or 0, self.url, self.limit)
        with open(self.path, "wb") as file, _progress() as progress:
            task = progress.add_task(self.path.name, total=size)
            for piece in response.iter_content(_PIECE):
                if self.given_up:
                    return
                self.written += len(piece)
                _check_size(self.written, self.url, self.limit)
                file.write(piece)
                progress.update(task, completed=self.written)


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
