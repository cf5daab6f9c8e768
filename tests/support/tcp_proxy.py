"""A TCP proxy on loopback that cuts its connections: after a planned byte in either direction, or on demand."""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal

__all__ = ["Cut", "CuttingProxy", "Direction", "cutting_proxy"]

Direction = Literal["up", "down"]
Cut = tuple[Direction, int]
"""The direction (up is client to server), and the bytes to pass on in it, over all connections, since a cut."""

_PART = 65_536


class CuttingProxy:
    """Passes bytes between clients and one server until it cuts.

    :ivar port: the port on 127.0.0.1 on which it listens.
    :ivar passed: the bytes passed in each direction since the last plan or cut.
    :ivar cuts: the number of cuts since the last plan.
    """

    def __init__(self, server: int) -> None:
        self._server = server
        self._lock = threading.RLock()
        self._open: set[socket.socket] = set()
        self._planned: deque[Cut] = deque()
        self._refuses = self._reset = self._refusing = False
        self.passed: Counter[Direction] = Counter()
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])

    def plan(self, cuts: Iterable[Cut] = (), *, then_refuse: bool = False, reset: bool = False) -> None:
        """Cut at these bytes, one after another, and then stop cutting.

        :param then_refuse: refuse new clients after the last cut, including one by :meth:`cut`.
        :param reset: cut with a TCP reset instead of an orderly close.
        """
        with self._lock:
            self._planned = deque(cuts)
            self._refuses, self._reset, self._refusing = then_refuse, reset, False
            self.passed.clear()
            self.cuts = 0

    def cut(self) -> None:
        """Cut all connections now."""
        with self._lock:
            self.cuts += 1
            self.passed.clear()
            self._refusing = self._refuses and not self._planned
            for one in self._open:
                if self._reset:
                    # Close without a FIN: undelivered data is discarded.
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def serve(self) -> None:
        """Accept clients until :meth:`stop`."""
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._refusing:
                    client.close()
                    continue
                try:
                    server = socket.create_connection(("127.0.0.1", self._server))
                except OSError:
                    client.close()
                    continue
                self._open |= {client, server}
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ended = threading.Barrier(2)
            ways: tuple[tuple[Direction, socket.socket, socket.socket], ...] = (
                ("up", client, server),
                ("down", server, client),
            )
            for direction, source, target in ways:
                arguments = (direction, source, target, ended)
                threading.Thread(target=self._pump, args=arguments, daemon=True).start()

    def stop(self) -> None:
        """Stop listening, and cut the open connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _pump(
        self, direction: Direction, source: socket.socket, target: socket.socket, ended: threading.Barrier
    ) -> None:
        with suppress(OSError):
            while part := source.recv(_PART):
                with self._lock:
                    if source not in self._open:
                        break
                    left = len(part)
                    if self._planned and self._planned[0][0] == direction:
                        left = self._planned[0][1] - self.passed[direction]
                    target.sendall(part[:left])
                    self.passed[direction] += min(left, len(part))
                    if left < len(part):
                        self._planned.popleft()
                        self.cut()
                        break
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
        # Whichever direction ends last closes both.
        if ended.wait() == 0:
            with self._lock:
                self._open -= {source, target}
            source.close()
            target.close()


@contextmanager
def cutting_proxy(server: int) -> Iterator[CuttingProxy]:
    """A proxy in front of the server at a port of 127.0.0.1, for the duration of the block."""
    proxy = CuttingProxy(server)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join(10)
