"""Threads for calls that hold signals back; nothing waits for them once a signal or an error ends the block.

The S3 client returns to Python when S3 has answered, or after a minute. Python runs a signal handler only in
the main thread, and only after its current call has returned, so that thread makes no such call. It waits in
short turns: a signal that arrives just before the wait, or in another thread, does not end the wait.
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
"""The name of threads that need not be waited for: see :func:`are_left`."""
_TURN = 0.5
"""Seconds of waiting after which the main thread runs the handlers of signals that did not end the wait."""


class _Result(Future[T]):
    """The future result of a call in another thread."""

    def result(self, timeout: float | None = None) -> T:
        """The result of the call. Without a timeout, wait for it as long as it takes."""
        while timeout is None and not self.done():
            wait([self], _TURN)
        return super().result(timeout)


class Threads:
    """A pool with a maximum number of threads, each started when there is something for it to do.

    Unlike ``ThreadPoolExecutor``, it does not wait for its threads after an error in the block, nor at the end
    of the process.
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
        """Queue a call, and return its future. It is not made if an error ends the block before its turn."""
        future = _Result[T]()
        self._tasks.put((future, call))
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._work, name=CALL, daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def map(self, function: Callable[[Item], T], items: Iterable[Item]) -> Iterator[T]:
        """What the function returns for each item, in order. Its exceptions are raised here."""
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
                # Raised when the result is asked for.
                future.set_exception(exc)


def call_aside(call: Callable[[], T]) -> T:
    """What the call returns; it is made in another thread if this one is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return call()
    with Threads(1) as threads:
        return threads.submit(call).result()


def next_of(queue: Queue[T]) -> T:
    """The next item of a queue, however long it takes to arrive."""
    while True:
        with suppress(Empty):
            return queue.get(timeout=_TURN)


def are_left(grace: float = 0) -> bool:
    """Whether a call that nothing waits for is still in progress in this process.

    :param grace: seconds to give such calls to end.
    """
    until = time.monotonic() + grace
    left = [thread for thread in threading.enumerate() if thread.name == CALL]
    for thread in left:
        thread.join(max(until - time.monotonic(), 0))
    return any(thread.is_alive() for thread in left)
