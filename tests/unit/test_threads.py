"""Threads left behind by an error in the block, and calls that the main thread delegates to another thread."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from queue import Queue
from typing import Any

import pytest

from sparkify.etl.threads import CALL, Threads, are_left, call_aside, next_of


def test_results_are_in_the_order_of_the_items() -> None:
    first = threading.Event()

    def call(number: int) -> int:
        # The first call ends last.
        first.wait(10) if number == 0 else first.set()
        return number

    with Threads(2) as threads:
        assert list(threads.map(call, range(5))) == [0, 1, 2, 3, 4]
    assert not are_left()


def test_error_is_raised_where_the_result_is_asked_for() -> None:
    with Threads(2) as threads:
        future = threads.submit(lambda: 1 // 0)
        assert list(threads.map(abs, [-1])) == [1]
        with pytest.raises(ZeroDivisionError):
            future.result()


def test_error_in_the_block_leaves_calls_behind_and_begins_none() -> None:
    ended, begun = threading.Event(), threading.Event()
    made: list[str] = []

    def call() -> None:
        begun.set()
        ended.wait(10)

    def fail() -> None:
        with Threads(1) as threads:
            threads.submit(call)
            threads.submit(lambda: made.append("second"))
            begun.wait(10)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert are_left()
    ended.set()
    assert not are_left(grace=10)
    assert made == []


def test_main_thread_makes_no_call_itself() -> None:
    here = threading.current_thread()
    assert call_aside(threading.current_thread) is not here
    with Threads(1) as threads:
        inner = threads.submit(lambda: call_aside(threading.current_thread) is threading.current_thread())
        assert inner.result()


class _Signalled(Exception):
    """What the handler of a signal has raised."""


def _in_the_block(call: Callable[[], Any]) -> None:
    with Threads(1) as threads:
        threads.submit(call)


def _by_the_queue(call: Callable[[], Any]) -> None:
    made: Queue[Any] = Queue()
    threading.Thread(target=lambda: made.put(call()), name=CALL, daemon=True).start()
    next_of(made)


@pytest.mark.parametrize("wait", [call_aside, _in_the_block, _by_the_queue])
def test_signal_is_heeded_that_does_not_end_the_wait(wait: Callable[[Callable[[], Any]], Any]) -> None:
    # A signal delivered to another thread does not wake the main thread; nor does one that arrives between its
    # last check for signals and its wait, a moment too short for a test to hit.
    heeded, ended = threading.Event(), threading.Event()

    def call() -> None:
        # By then the main thread is waiting.
        time.sleep(0.3)
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        heeded.wait(30)
        ended.set()

    def stop(_number: int, _frame: object) -> None:
        raise _Signalled

    before = signal.signal(signal.SIGUSR1, stop)
    try:
        with pytest.raises(_Signalled):
            wait(call)
        assert not ended.is_set()
    finally:
        heeded.set()
        signal.signal(signal.SIGUSR1, before)
    assert not are_left(grace=10)
