"""Presets from elsewhere: whole, verified and offline from then on, or a clear error."""

import errno
import hashlib
import io
import itertools
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zipfile

import numpy as np
import pytest
import requests
import yaml

import capszoo
from capszoo.models import CapsNet
from capszoo.zoo import cache
from capszoo.zoo import downloads
from capszoo.zoo import remote
from tests.once import ONCE
from tests.zoo.local_server import block_network
from tests.zoo.local_server import running
from tests.zoo.local_server import send
from tests.zoo.tiny import tiny_content
from tests.zoo.tiny import tiny_model

# Keras itself, saving weights on JAX with NumPy 2.
pytestmark = [
    ONCE,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

WEIGHTS = "model.weights.h5"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A preset directory as `save_to_preset` writes it."""
    folder = tmp_path_factory.mktemp("published") / "tiny"
    tiny_model().save_to_preset(folder, data={"name": "digits"})
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in ("HF_ENDPOINT", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("CAPSZOO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def server():
    with running() as server:
        yield server


@pytest.fixture
def url(server, folder):
    return server.serve(folder, "/presets/tiny")


def kept(home):
    """All that lies in the cache, save the locks."""
    return [path for path in (home / "presets").glob("*") if path.suffix != ".lock"]


def refused(address, home, match, error=ValueError):
    """Loads what must be refused, with nothing kept."""
    with pytest.raises(error, match=match) as caught:
        capszoo.load(address)
    assert kept(home) == []
    return str(caught.value)


def same_weights(model, folder):
    expected = capszoo.load(folder).get_weights()
    assert len(model.get_weights()) == len(expected)
    for mine, theirs in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def zipped(folder, top=""):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in folder.iterdir():
            archive.write(path, top + path.name)
    return file.getvalue()


def tarred(folder, top=""):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        archive.add(folder, top or ".")
    return file.getvalue()


# What works.


def test_directory_then_offline(url, server, folder, monkeypatch, home):
    same_weights(capszoo.load(url), folder)
    assert server.requests == ["/presets/tiny/preset.yaml", f"/presets/tiny/{WEIGHTS}"]
    block_network(monkeypatch)
    same_weights(capszoo.load(url), folder)
    same_weights(CapsNet.from_preset(url + "/"), folder)
    same_weights(capszoo.load(f"{url}/preset.yaml"), folder)
    assert capszoo.zoo.read_preset(url).name == "tiny"
    assert capszoo.load(url, num_classes=3).num_classes == 3
    assert len(kept(home)) == 1


def test_preset_file_of_another_name(server, folder, home):
    server.serve(folder, "/zoo")
    server.answers["/zoo/tiny.yaml"] = server.answers.pop("/zoo/preset.yaml")
    same_weights(capszoo.load(f"{server.url}/zoo/tiny.yaml"), folder)


def test_query(url, server, folder):
    same_weights(capszoo.load(f"{url}?version=2"), folder)
    assert server.requests[0] == "/presets/tiny/preset.yaml"


@pytest.mark.parametrize("top", ["", "tiny/"])
@pytest.mark.parametrize(("pack", "name"), [(zipped, "a.zip"), (tarred, "a.tar.gz")])
def test_archive(pack, name, top, server, folder, monkeypatch, home):
    server.answers[f"/{name}"] = pack(folder, top)
    same_weights(capszoo.load(f"{server.url}/{name}"), folder)
    (entry,) = kept(home)
    assert sorted(os.listdir(entry)) == ["entry.json", WEIGHTS, "preset.yaml"]
    block_network(monkeypatch)
    same_weights(capszoo.load(f"{server.url}/{name}"), folder)


def test_preset_without_weights(server):
    content = {**tiny_content(), "name": "recipe"}
    server.answers["/recipe/preset.yaml"] = yaml.safe_dump(content).encode()
    assert capszoo.load(f"{server.url}/recipe", load_weights=False).name == "recipe"
    with pytest.raises(ValueError, match="'recipe' has no trained weights yet"):
        capszoo.load(f"{server.url}/recipe")


def test_redirect(url, server, folder):
    def redirect(handler):
        handler.send_response(302)
        handler.send_header("Location", handler.path.replace("/old", "/presets"))
        handler.end_headers()

    for name in ("preset.yaml", WEIGHTS):
        server.answers[f"/old/tiny/{name}"] = redirect
    same_weights(capszoo.load(f"{server.url}/old/tiny"), folder)


def test_a_damaged_entry_is_downloaded_again(url, server, folder, home):
    capszoo.load(url)
    (entry,) = kept(home)
    (entry / WEIGHTS).write_bytes(b"x")
    same_weights(capszoo.load(url), folder)
    assert len(server.requests) == 4


# Addresses.


@pytest.mark.parametrize(
    ("address", "match"),
    [
        ("http://example.com/tiny", r"https://.*http:// can be changed.*localhost, 127\.0\.0\.1"),
        ("http://127.0.0.1.example.com/tiny", "http:// can be changed"),
        ("ftp://example.com/tiny", r"Expected the address of a preset as https://\.\.\. or hf://"),
        ("file:///etc/passwd", r"Expected the address.*Received: 'file:///etc/passwd'"),
        ("https:///tiny", r"Expected an address https://host/path"),
        ("hf://tiny", r"Expected hf://owner/repository\. Received: 'hf://tiny'"),
        ("hf://me/../tiny", r"Expected hf://owner/repository"),
    ],
)
def test_addresses_that_are_not_allowed(address, match, home, monkeypatch):
    block_network(monkeypatch)
    refused(address, home, match)
    assert not home.exists()


def test_redirect_to_plain_http_elsewhere(server, home):
    def redirect(handler):
        handler.send_response(301)
        handler.send_header("Location", "http://example.com/preset.yaml")
        handler.end_headers()

    server.answers["/tiny/preset.yaml"] = redirect
    refused(f"{server.url}/tiny", home, r"http:// can be changed.*example\.com/preset\.yaml")


def test_redirect_away_from_https(tmp_path, monkeypatch):
    class Response:
        is_redirect = True
        headers = {"location": "http://localhost/preset.yaml"}

        def close(self):
            pass

    monkeypatch.setattr(requests.Session, "get", lambda *_, **__: Response())
    with pytest.raises(ValueError, match=r"redirects to http://localhost/.*away from https"):
        downloads.download("https://example.com/x", tmp_path / "x", 10)


def test_redirect_without_end(server, home):
    def redirect(handler):
        handler.send_response(302)
        handler.send_header("Location", handler.path)
        handler.end_headers()

    server.answers["/tiny/preset.yaml"] = redirect
    refused(f"{server.url}/tiny", home, "more than 5 redirects", OSError)
    assert len(server.requests) == 6


# What servers and networks do.


@pytest.mark.parametrize("name", ["preset.yaml", WEIGHTS])
def test_not_found(name, url, server, home):
    del server.answers[f"/presets/tiny/{name}"]
    refused(url, home, rf"Could not download {url}/{name}: the server answered 404 Not", OSError)


def test_refused_connection(home):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/tiny"
    refused(address, home, rf"Could not download {address}/preset\.yaml: .*refused", OSError)


def test_no_tls(server, home):
    address = server.url.replace("http:", "https:") + "/tiny"
    refused(address, home, r"Could not download https://127.*SSL", OSError)


def test_a_server_that_stops_answering(url, server, home, monkeypatch):
    monkeypatch.setattr(downloads, "_SECONDS", (1, 0.2))
    go_on = threading.Event()

    def stall(handler):
        send(handler, b"half", length=100)
        handler.wfile.flush()
        go_on.wait(20)

    server.answers[f"/presets/tiny/{WEIGHTS}"] = stall
    try:
        refused(url, home, "Could not download .*timed out", OSError)
    finally:
        go_on.set()


def trickle(handler):
    send(handler, b"", length=100)
    drip(handler, b"#")


def endless_continue(handler):
    drip(handler, b"HTTP/1.1 100 Continue\r\n\r\n")


def drip(handler, drop):
    for _ in range(200):
        handler.wfile.write(drop)
        handler.wfile.flush()
        time.sleep(0.05)


@pytest.mark.parametrize("answer", [trickle, endless_continue])
def test_a_server_that_trickles(answer, url, server, home, monkeypatch):
    monkeypatch.setattr(downloads, "PATIENCE", 0.5)
    server.answers["/presets/tiny/preset.yaml"] = answer
    started = time.monotonic()
    refused(url, home, r"Could not download .*: the server is too slow", OSError)
    assert time.monotonic() - started < 5


def test_a_reason_is_printed_as_text(url, server, home):
    def refuse(handler):
        handler.send_response(500, "no\x1b[31mway")
        handler.end_headers()

    server.answers["/presets/tiny/preset.yaml"] = refuse
    assert "\x1b" not in refused(url, home, r"answered 500 no\\x1b\[31mway", OSError)


def test_weights_are_about_as_large_as_their_preset_says(url, server, folder, home):
    content = (folder / WEIGHTS).read_bytes()
    server.answers[f"/presets/tiny/{WEIGHTS}"] = content + b"x" * (2 << 20)
    refused(url, home, rf"{WEIGHTS} is too large: expected at most {len(content) + (1 << 20)} b")


@pytest.mark.parametrize("name", ["preset.yaml", WEIGHTS])
def test_ends_early(name, url, server, home):
    content = server.answers[f"/presets/tiny/{name}"]
    for length in (0, 1, len(content) // 2, len(content) - 1):
        server.answers[f"/presets/tiny/{name}"] = lambda handler, length=length: send(
            handler, content[:length], length=len(content)
        )
        refused(url, home, rf"Could not download {url}/{name}: .*IncompleteRead", OSError)


@pytest.mark.parametrize("damage", ["truncated", "altered", "longer"])
@pytest.mark.parametrize("archived", [False, True])
def test_wrong_hash(damage, archived, url, server, folder, home, tmp_path):
    content = (folder / WEIGHTS).read_bytes()
    wrong = {
        "truncated": content[:-100],
        "altered": content[:-1] + bytes([content[-1] ^ 1]),
        "longer": content + b"x",
    }[damage]
    if archived:
        copy = tmp_path / "copy"
        copy.mkdir()
        (copy / "preset.yaml").write_bytes((folder / "preset.yaml").read_bytes())
        (copy / WEIGHTS).write_bytes(wrong)
        server.answers["/tiny.zip"] = zipped(copy)
        url = f"{server.url}/tiny.zip"
    else:
        server.answers[f"/presets/tiny/{WEIGHTS}"] = wrong
    message = refused(url, home, r"is not the one its preset describes; it was not read")
    assert f"Expected SHA-256 {hashlib.sha256(content).hexdigest()} ({len(content)} b" in message
    assert f"Received: {hashlib.sha256(wrong).hexdigest()} ({len(wrong)} bytes)" in message
    assert url in message
    assert WEIGHTS in message


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><p>Log in", b"\xef\xbb\xbf \n<HTML><body>"])
@pytest.mark.parametrize("name", ["preset.yaml", WEIGHTS])
def test_web_page_instead(name, page, url, server, home):
    server.answers[f"/presets/tiny/{name}"] = page
    refused(url, home, rf"from {url}/{name}\. Received: a web page\. .*login")


def test_too_large(url, server, home, monkeypatch):
    server.answers["/presets/tiny/preset.yaml"] = b"#" * (2 << 20)
    refused(url, home, r"preset\.yaml is too large: expected at most 1048576 .*Received: 2097152")

    def unannounced(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"#" * (2 << 20))

    server.answers["/presets/tiny/preset.yaml"] = unannounced
    refused(url, home, r"preset\.yaml is too large")


# What presets may hold.


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"schema_version": 2}, r"preset\.yaml: .* has schema_version 2, .* Upgrade: pip install"),
        ({"family": "capsnett"}, r"preset\.yaml is not .*\n.*Unknown family 'capsnett'\. Did you"),
        ({"licence": "MIT"}, r"preset\.yaml is not a valid preset:\n.*Unknown key 'licence'"),
        (None, r"preset\.yaml: expected a mapping of keys to values\. Received: 'just text'"),
    ],
)
@pytest.mark.parametrize("archived", [False, True])
def test_bad_preset(change, match, archived, url, server, folder, home, tmp_path):
    content = yaml.safe_load((folder / "preset.yaml").read_text())
    content = "just text" if change is None else {**content, **change}
    server.answers["/presets/tiny/preset.yaml"] = yaml.safe_dump(content).encode()
    if archived:
        (tmp_path / "copy").mkdir()
        (tmp_path / "copy" / "preset.yaml").write_text(yaml.safe_dump(content))
        server.answers["/tiny.zip"] = zipped(tmp_path / "copy")
        url = f"{server.url}/tiny.zip"
    message = refused(url, home, match)
    assert message.startswith(url)


def test_aliases(server, home):
    levels = [
        f"{name}: &{name} [{', '.join([f'*{last}'] * 9)}]"
        for last, name in itertools.pairwise("abcdefg")
    ]
    content = "a: &a [x]\n" + "\n".join(levels) + "\nname: *g\n"
    server.answers["/tiny/preset.yaml"] = content.encode()
    refused(f"{server.url}/tiny", home, r"preset\.yaml: a preset from elsewhere may not use alias")


def test_deep_nesting_is_refused_soon(server, home):
    server.answers["/tiny/preset.yaml"] = b"a: " + b"[" * 20_000 + b"]" * 20_000
    started = time.process_time()
    refused(f"{server.url}/tiny", home, r"preset\.yaml is not a YAML file")
    assert time.process_time() - started < 5


def test_archive_that_leads_out(server, home, tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../evil", "x")
    server.answers["/tiny.zip"] = file.getvalue()
    refused(f"{server.url}/tiny.zip", home, r"tiny\.zip was refused: '\.\./evil' leads out of")
    assert not list(tmp_path.rglob("evil"))


def test_archive_without_a_preset(server, home, tmp_path):
    (tmp_path / "empty").mkdir()
    server.answers["/tiny.zip"] = zipped(tmp_path / "empty")
    refused(f"{server.url}/tiny.zip", home, r"to hold one preset\.yaml, at its top .*Received: 0")
    server.answers["/tiny.tgz"] = b"no archive"
    refused(f"{server.url}/tiny.tgz", home, r"tiny\.tgz is not a readable")


def test_archive_without_its_weights(server, folder, home, tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "preset.yaml").write_bytes((folder / "preset.yaml").read_bytes())
    server.answers["/tiny.zip"] = zipped(tmp_path / "copy")
    refused(f"{server.url}/tiny.zip", home, r"tiny\.zip: model\.weights\.h5 is missing")


def test_right_hash_but_no_hdf5(url, server, folder):
    content = yaml.safe_load((folder / "preset.yaml").read_text())
    # As large as the weights would be: a smaller one is refused before.
    fake = b"no HDF5 at all".ljust(content["weights"]["size"])
    content["weights"].update(sha256=hashlib.sha256(fake).hexdigest())
    server.answers["/presets/tiny/preset.yaml"] = yaml.safe_dump(content).encode()
    server.answers[f"/presets/tiny/{WEIGHTS}"] = fake
    with pytest.raises(ValueError, match=r"cannot be loaded into CapsNet 'tiny'.*Expected an HDF5"):
        capszoo.load(url)


def test_weights_of_another_model(folder, tmp_path):
    tiny_model(conv_filters=5).save_to_preset(tmp_path / "other")
    content = yaml.safe_load((tmp_path / "other" / "preset.yaml").read_text())
    content["model"]["conv_filters"] = 4
    (tmp_path / "other" / "preset.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match=r"model\.weights\.h5 cannot be loaded into CapsNet 'tiny"):
        capszoo.load(tmp_path / "other")


def test_a_lambda_in_a_preset_is_not_run(url, server, folder):
    content = yaml.safe_load((folder / "preset.yaml").read_text())
    code = {"class_name": "__lambda__", "config": {"code": "4wAA", "defaults": None}}
    content["model"]["decoder"] = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"function": code},
    }
    server.answers["/presets/tiny/preset.yaml"] = yaml.safe_dump(content).encode()
    with pytest.raises(ValueError, match="may not name the class 'Lambda'"):
        capszoo.load(url)


@pytest.mark.parametrize("count", [0, -1, 2.0, 10.0, "3", True])
def test_wrong_number_of_classes(count, folder):
    with pytest.raises(
        ValueError, match=r"`num_classes`, expected a positive integer.*num_classes="
    ):
        capszoo.load(folder, num_classes=count)


# The cache.


def test_cache_that_cannot_be_written(url, home):
    home.write_text("a file")
    with pytest.raises(OSError, match=r"Cannot write the cache of downloaded .*CAPSZOO_HOME"):
        capszoo.load(url)


def test_full_disk(url, home, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(downloads._Transfer, "_write", full)
    refused(url, home, r"Cannot write the cache .*No space left", OSError)


DOWNLOAD = """
import sys, capszoo
print("ready", flush=True)
input()
print(capszoo.zoo.find_preset(sys.argv[1]))
"""


def start(url):
    """A process of its own, ready to download when it is told to."""
    command = [sys.executable, "-c", DOWNLOAD, url]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def go(process):
    process.stdin.write("go\n")
    process.stdin.flush()


@ONCE
def test_two_processes_at_once(url, server, folder, home):
    def slowly(handler):
        time.sleep(1)
        send(handler, (folder / WEIGHTS).read_bytes())

    server.answers[f"/presets/tiny/{WEIGHTS}"] = slowly
    both = [start(url), start(url)]
    try:
        for process in both:
            assert process.stdout.readline() == "ready\n"
        for process in both:
            go(process)
        outputs = [process.communicate(timeout=60)[0].strip() for process in both]
    finally:
        for process in both:
            process.kill()
            process.communicate()
    assert [process.returncode for process in both] == [0, 0]
    assert outputs[0] == outputs[1]
    assert len(server.requests) == 2
    same_weights(capszoo.load(pathlib.Path(outputs[0])), folder)


@ONCE
def test_killed_in_the_middle(url, server, folder, home):
    content, reached, go_on = (folder / WEIGHTS).read_bytes(), threading.Event(), threading.Event()

    def half(handler):
        send(handler, content[: len(content) // 2], length=len(content))
        handler.wfile.flush()
        reached.set()
        go_on.wait(20)

    server.answers[f"/presets/tiny/{WEIGHTS}"] = half
    process = start(url)
    try:
        assert process.stdout.readline() == "ready\n"
        go(process)
        assert reached.wait(60)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
        go_on.set()
    assert cache.entries() == {}
    assert not cache.folder_of(url).exists()
    server.answers[f"/presets/tiny/{WEIGHTS}"] = content
    same_weights(capszoo.load(url), folder)
    assert kept(home) == [cache.folder_of(url)]


# Hugging Face.


def serve_hub(server, folder, repo="me/tiny", revision="main"):
    for file in folder.iterdir():
        content = file.read_bytes()
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X_Repo_Commit": "0" * 40}
        server.answers[f"/{repo}/resolve/{revision}/{file.name}"] = (
            lambda handler, content=content, headers=headers: send(handler, content, **headers)
        )


@pytest.fixture
def hub(server, monkeypatch):
    pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install it")
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    return server


def test_hub(hub, folder, monkeypatch, home):
    serve_hub(hub, folder)
    same_weights(capszoo.load("hf://me/tiny"), folder)
    (entry,) = kept(home)
    assert sorted(os.listdir(entry)) == ["entry.json", WEIGHTS, "preset.yaml"]
    block_network(monkeypatch)
    same_weights(CapsNet.from_preset("hf://me/tiny"), folder)


def test_hub_too_large(hub, folder, home, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / WEIGHTS).write_bytes(b"x" * (2 << 20))
    serve_hub(hub, copy)
    refused("hf://me/tiny", home, rf"hf://me/tiny/{WEIGHTS} is too large: expected at most")


def test_hub_revision(hub, folder):
    serve_hub(hub, folder, revision="v2")
    same_weights(capszoo.load("hf://me/tiny@v2"), folder)


def test_hub_not_found(hub, home):
    refused("hf://me/tiny", home, r"Could not download preset\.yaml of hf://me/tiny: ", OSError)


def test_hub_wrong_hash(hub, folder, home, tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "preset.yaml").write_bytes((folder / "preset.yaml").read_bytes())
    (tmp_path / "copy" / WEIGHTS).write_bytes(b"wrong")
    serve_hub(hub, tmp_path / "copy")
    refused("hf://me/tiny", home, r"hf://me/tiny/model\.weights\.h5 is not the one its preset")


def test_hub_endpoint_over_http(monkeypatch, home):
    pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install it")
    monkeypatch.setenv("HF_ENDPOINT", "http://example.com")
    refused("hf://me/tiny", home, "http:// can be changed")


def test_hub_not_installed(monkeypatch, home):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    refused(
        "hf://me/tiny", home, r'needs huggingface_hub.*pip install "capszoo\[hub\]', ImportError
    )


def test_is_remote(folder):
    assert remote.is_remote("hf://me/tiny")
    assert not remote.is_remote("capsnet_digits")
    assert not remote.is_remote(folder)
