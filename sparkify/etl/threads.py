"""Threads for calls that hold signals back, which nobody waits for where a signal or an error ends the block.

The S3 client returns to Python when S3 has answered, or after a minute. A handler of Python runs in the main
thread alone, and not before its call has returned: so that thread makes no such call. It waits in turns, for a
signal that comes just before it waits, or in another thread, does not end its wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from queue import Empty, Queue, SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeVar

__all__ = ["CALL", "Threads", "are_left", "call_aside", "next_of"]

T = TypeVar("T")
Item = TypeVar("Item")

CALL = "sparkify-call"
"""The name of a thread that need not be waited for: see :func:`are_left`."""
_TURN = 0.5
"""Seconds of waiting after which the main thread runs the handlers of signals that have not ended the wait."""


class _Result(Future[T]):
    """What a call in another thread will return."""

    def result(self, timeout: float | None = None) -> T:
        """What the call has returned. Without a time it is waited for, however long that takes."""
        while timeout is None and not self.done():
            wait([self], _TURN)
        return super().result(timeout)


class Threads:
    """So many threads at most, each made when there is something to do for it.

    Beside ``ThreadPoolExecutor`` in this: an error in the block leaves them behind, and so does the end of the
    process.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._tasks: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._left = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left = error is not None
        for _ in self._threads:
            self._tasks.put(None)
        if not self._left:
            for thread in self._threads:
                while thread.is_alive():
                    thread.join(_TURN)

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """What the call will return. It is not made where the block has ended with an error before its turn."""
        future = _Result[T]()
        self._tasks.put((future, call))
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._work, name=CALL, daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def map(self, function: Callable[[Item], T], items: Iterable[Item]) -> Iterator[T]:
        """What the function returns for each item, in their order. Its exception is raised here."""
        for future in [self.submit(partial(function, item)) for item in items]:
            yield future.result()

    def _work(self) -> None:
        while task := self._tasks.get():
            future, call = task
            if self._left:
                future.cancel()
                continue
            try:
                future.set_result(call())
            except BaseException as exc:
                # Whoever asks for the result has it.
                future.set_exception(exc)


def call_aside(call: Callable[[], T]) -> T:
    """What the call returns, made in another thread where this one is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return call()
    with Threads(1) as threads:
        return threads.submit(call).result()


def next_of(queue: Queue[T]) -> T:
    """What comes next in a queue, however long that takes."""
    while True:
        with suppress(Empty):
            return queue.get(timeout=_TURN)


def are_left(grace: float = 0) -> bool:
    """Whether a call of this process is still under way that nobody waits for.

    :param grace: seconds that they have to end.
    """
    until = time.monotonic() + grace
    left = [thread for thread in threading.enumerate() if thread.name == CALL]
    for thread in left:
        thread.join(max(until - time.monotonic(), 0))
    return any(thread.is_alive() for thread in left)
