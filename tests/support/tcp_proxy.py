"""A TCP proxy on loopback that cuts its connections: after a byte of either direction, or when told to."""

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
"""Up is from the client to the server. So many bytes are passed on, over all connections since the last cut."""

_PART = 65_536


class CuttingProxy:
    """Passes bytes on between clients and one server until it cuts.

    :ivar port: where it listens, on 127.0.0.1.
    :ivar passed: the bytes of each direction since the last plan or cut.
    :ivar cuts: how often it has cut since the last plan.
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
        """Cut at these bytes, one after another, and then no more.

        :param then_refuse: after the last cut, also one by :meth:`cut`, each new client is turned away.
        :param reset: cut with a reset instead of an end.
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
                    # No farewell: whatever was not delivered is gone.
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def serve(self) -> None:
        """Take clients until the end."""
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
        """Listen no more, and cut what is open."""
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
        # Both are closed by whichever way ends last.
        if ended.wait() == 0:
            with self._lock:
                self._open -= {source, target}
            source.close()
            target.close()


@contextmanager
def cutting_proxy(server: int) -> Iterator[CuttingProxy]:
    """A proxy before the server at a port of 127.0.0.1, for as long as the block lasts."""
    proxy = CuttingProxy(server)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join(10)
