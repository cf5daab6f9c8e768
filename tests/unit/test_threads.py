"""Threads that an error in the block leaves behind, and calls that the main thread does not make itself."""

from __future__ import annotations

import threading

import pytest

from sparkify.etl.threads import Threads, are_left, call_aside


def test_results_are_in_the_order_of_the_items() -> None:
    first = threading.Event()

    def call(number: int) -> int:
        # The first ends last.
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
    assert not are_left(wait=10)
    assert made == []


def test_main_thread_makes_no_call_itself() -> None:
    here = threading.current_thread()
    assert call_aside(threading.current_thread) is not here
    with Threads(1) as threads:
        inner = threads.submit(lambda: call_aside(threading.current_thread) is threading.current_thread())
        assert inner.result()
