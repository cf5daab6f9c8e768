"""A loopback proxy in front of an S3 server that corrupts some of the responses."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

__all__ = ["FAULTS", "Fault", "S3Faults", "faulty_s3"]

Fault = Literal[
    "503", "500", "403", "gone", "etag", "no etag", "html", "xml", "short", "cut", "reset", "wrong length",
    "hang",
]  # fmt: skip
FAULTS: tuple[Fault, ...] = (
    "503", "500", "403", "gone", "etag", "no etag", "html", "xml", "short", "cut", "reset", "wrong length",
)  # fmt: skip
"""All faults except ``hang``, which takes as long as the client's timeout."""

_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied by a test</Message></Error>"
_MISSING = b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
_INTERNAL = b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
_HTML = b"<html><body>Please log in to the network.</body></html>"


class S3Faults:
    """Decides how each request is answered.

    :ivar endpoint: the URL of the proxy.
    :ivar seen: the path of each request, and the fault that it got.
    :ivar planned_anew: releases the hanging requests when it is set.
    """

    def __init__(self, server: str) -> None:
        self.server = server
        self.endpoint = ""
        self.seen: list[tuple[str, str]] = []
        self.planned_anew = threading.Event()
        self._fault: Fault | None = None
        self._of = ""
        self._from = self._left = 0
        self._lock = threading.Lock()

    def plan(self, fault: Fault | None, of: str = "", *, after: int = 0, times: int = 1 << 30) -> None:
        """Corrupt ``times`` responses to requests with ``of`` in path or query, after skipping ``after``."""
        with self._lock:
            self.planned_anew.set()
            self.planned_anew = threading.Event()
            self._fault, self._of, self._from, self._left = fault, of, after, times
            self.seen.clear()

    def fault_of(self, path: str) -> Fault | None:
        """The fault for this request; None to pass on the server's response."""
        with self._lock:
            found: Fault | None = None
            if self._fault is not None and self._of in path:
                if self._from:
                    self._from -= 1
                elif self._left:
                    self._left -= 1
                    found = self._fault
            self.seen.append((path, found or "as it is"))
            return found


@contextmanager
def faulty_s3(server: str) -> Iterator[S3Faults]:
    """A proxy in front of the S3 server at an endpoint, for the duration of the block."""
    faults = S3Faults(server)

    class Handler(_Handler):
        of = faults

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    faults.endpoint = f"http://127.0.0.1:{listener.server_address[1]}"
    try:
        yield faults
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    of: S3Faults
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        fault = self.of.fault_of(self.path)
        if fault is None:
            self._answer(*self._ask())
        elif fault == "503":
            self._answer(503, {}, _SLOW_DOWN)
        elif fault == "500":
            self._answer(500, {}, _INTERNAL)
        elif fault == "403":
            self._answer(403, {}, _DENIED)
        elif fault == "gone":
            self._answer(404, {}, _MISSING)
        elif fault == "reset":
            self.close_connection = True
        elif fault == "hang":
            self.of.planned_anew.wait(120)
            self.close_connection = True
        else:
            self._spoil(fault, *self._ask())

    do_HEAD = do_GET  # noqa: N815

    def _spoil(self, fault: Fault, status: int, headers: dict[str, str], body: bytes) -> None:
        if fault == "etag":
            self._answer(status, headers | {"ETag": '"00000000000000000000000000000000"'}, body)
        elif fault == "no etag":
            self._answer(status, {name: value for name, value in headers.items() if name != "ETag"}, body)
        elif fault in ("html", "xml"):
            kept = {name: value for name, value in headers.items() if name in ("ETag", "Last-Modified")}
            self._answer(200, kept, _HTML if fault == "html" else _INTERNAL)
        elif fault == "short":
            # A valid response, but with only half of the content.
            self._answer(status, headers, body[: len(body) // 2])
        elif fault == "cut":
            self._answer(status, headers, body[: len(body) // 2], length=len(body))
            self.close_connection = True
        else:
            self._answer(status, headers, body, length=len(body) + 10)
            self.close_connection = True

    def _ask(self) -> tuple[int, dict[str, str], bytes]:
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length) if length else None
        connection = http.client.HTTPConnection(urlsplit(self.of.server).netloc, timeout=30)
        try:
            kept = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            connection.request(self.command, self.path, content, kept)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            headers = {name: found[name.lower()] for name in _HEADERS if name.lower() in found}
            return answer.status, headers, answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes, *, length: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


_HEADERS = ("ETag", "Last-Modified", "Content-Type", "Content-Range", "Accept-Ranges")
