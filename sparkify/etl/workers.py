"""Runs functions in other processes, and returns their results in order.

Not ``multiprocessing``: its spawned children import the caller's main module again, so a script without
``if __name__ == "__main__"`` would start itself over and over, and one read from standard input would fail;
its forked children are not safe alongside threads. These children are Python processes that import this package
and nothing of the caller's; they read tasks from standard input and exit when it ends, so none outlives its
parent.
"""

import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from types import TracebackType
from typing import IO, Any, Generic, Self, TypeVar, cast

Given = TypeVar("Given")
State = TypeVar("State")
Task = TypeVar("Task")
Result = TypeVar("Result")

_SERVE = "import sys; sys.path[:] = sys.argv[1:]; from sparkify.etl.workers import serve; serve()"


def usable_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers(Generic[State]):
    """A pool of processes with the same state; a pool of one works in the calling process.

    :ivar state: what the functions are given besides their task, in this process.
    """

    def __init__(self, make: Callable[[Given], State], given: Given, processes: int) -> None:
        """Each process makes its own state from ``given``, which must be picklable."""
        self._made_of = (make, given)
        self._children: list[subprocess.Popen[bytes]] = []
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        self._threads: ThreadPoolExecutor | None = None
        # An interpreter embedded in another program may not know the path of its executable.
        self._processes = processes if sys.executable else 1
        self.state = make(given)

    def __enter__(self) -> Self:
        if self._processes > 1:
            # A thread waits for each child, without the interpreter's lock.
            self._threads = ThreadPoolExecutor(self._processes)
            try:
                for _ in range(self._processes):
                    self._start_child()
            except BaseException:
                self._end()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def map(self, function: Callable[[State, Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """What the function returns for each task, in order.

        Tasks are taken from the iterable as needed, a few ahead; those that the caller does not reach are not
        done. An exception of the function is raised here.

        :raises RuntimeError: when a process dies, for instance for lack of memory.
        """
        if self._threads is None:
            for task in tasks:
                yield function(self.state, task)
            return
        ahead: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                ahead.append(self._threads.submit(self._ask, function, task))
                if len(ahead) > 2 * self._processes:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()

    def _start_child(self) -> None:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter, our own code
            [sys.executable, "-c", _SERVE, *sys.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._children.append(child)
        _send(child.stdin, self._made_of)
        self._idle.put(child)

    def _ask(self, function: Callable[[State, Task], Result], task: Task) -> Result:
        child = self._idle.get()
        try:
            _send(child.stdin, (function, task))
            done, answer = _receive(child.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as exc:
            raise RuntimeError(f"a worker process ended early, with exit code {child.wait()}") from exc
        finally:
            self._idle.put(child)
        if not done:
            raise answer
        return cast("Result", answer)

    def _end(self) -> None:
        for child in self._children:
            child.kill()
        if self._threads:
            self._threads.shutdown(cancel_futures=True)
        for child in self._children:
            # Closing flushes what was still meant for the killed child.
            with suppress(OSError):
                cast("IO[bytes]", child.stdin).close()
            cast("IO[bytes]", child.stdout).close()
            child.wait()
        self._children.clear()


def serve() -> None:
    """Carry out the tasks on standard input until it ends, as a child of :class:`Workers`."""
    # An interrupt from the terminal reaches every process; only the parent acts on it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tasks, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # Printed output must not get between the answers.
    os.dup2(2, 1)
    make, given = _receive(tasks)
    state = make(given)
    with suppress(EOFError, BrokenPipeError):
        while True:
            function, task = _receive(tasks)
            try:
                answer = (True, function(state, task))
            except Exception as exc:
                # Raised again by the parent.
                exc.add_note("in a worker process:\n" + traceback.format_exc())
                answer = (False, exc)
            _send(answers, answer)


def _send(pipe: IO[bytes] | None, message: object) -> None:
    assert pipe is not None  # noqa: S101 - both ends are pipes
    pickle.dump(message, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def _receive(pipe: IO[bytes] | None) -> Any:
    assert pipe is not None  # noqa: S101
    return pickle.load(pipe)  # noqa: S301 - from our own child or parent
