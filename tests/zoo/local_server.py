"""A web server on this machine, for the tests of downloads."""

import contextlib
import http.server
import socket
import threading

import pytest


class LocalServer:
    """Answers each path as `answers` says.

    Attributes:
        url: Its address.
        answers: Maps a path to the bytes to send, or to a function of the request handler.
        requests: The paths asked for, so far.
    """

    def __init__(self):
        self.answers, self.requests = {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.partition("?")[0]
                outer.requests.append(path)
                answer = outer.answers.get(path)
                if callable(answer):
                    return answer(self)
                if answer is None:
                    return self.send_error(404)
                return send(self, answer)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                """A client that hangs up is no trouble here."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def serve(self, folder, at=""):
        """Serves the files of a folder."""
        for file in folder.iterdir():
            self.answers[f"{at}/{file.name}"] = file.read_bytes()
        return self.url + at

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def send(handler, content, length=None, **headers):
    """Sends a file; with a `length` other than its own it ends early."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    if handler.command == "GET":
        handler.wfile.write(content)


@contextlib.contextmanager
def running():
    server = LocalServer()
    try:
        yield server
    finally:
        server.stop()


def block_network(monkeypatch):
    """Makes every socket an error."""

    def refuse(*_, **__):
        pytest.fail("the network was touched")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
