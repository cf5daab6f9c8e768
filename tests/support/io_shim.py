"""Spoils or records what a process writes below a folder, from the N-th operation on: see io_shim.c."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

__all__ = ["COUNT", "FAIL", "KILL", "SECTORS", "TORN", "Shim", "missing", "require_shim"]

COUNT: Final = 1
"""Only count, and record where a file for that was named."""
KILL: Final = 2
"""SIGKILL instead of the operation."""
TORN: Final = 3
"""The first half of a write, and SIGKILL."""
SECTORS: Final = 4
"""Some of the first sectors of 512 bytes of a write, and SIGKILL."""
FAIL: Final = 5
"""The operation fails with an error."""

_SOURCE = Path(__file__).with_name("io_shim.c")
_VARIABLE = "IO_SHIM"


def missing() -> str | None:
    """Why there is no shim here; None where there is one."""
    if not sys.platform.startswith("linux"):
        return "LD_PRELOAD and /proc are those of Linux"
    return None if _compiler() else "no compiler of C (cc, gcc or clang) is here"


def require_shim(module: str) -> None:
    """See that this process has the shim. One that has none runs the module once more, with the shim before the
    C library, and ends with its exit code.

    :raises SystemExit: so, and where there is no shim here.
    """
    if why := missing():
        raise SystemExit(f"not run: {why}")
    if not Shim.is_loaded():
        with tempfile.TemporaryDirectory(prefix="sparkify-shim-") as name:
            sys.exit(_run_with_shim(module, sys.argv[1:], Path(name)))


def _run_with_shim(module: str, arguments: list[str], folder: Path) -> int:
    library = folder / "io_shim.so"
    compiler = _compiler()
    assert compiler is not None
    subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl", "-lpthread"], check=True
    )
    environment = {**os.environ, "LD_PRELOAD": str(library), _VARIABLE: str(library)}
    return subprocess.run([sys.executable, "-m", module, *arguments], env=environment, check=False).returncode


def _compiler() -> str | None:
    return next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)


class Shim:
    """The shim of this process.

    :raises RuntimeError: where it was not loaded before the C library.
    """

    def __init__(self) -> None:
        if _VARIABLE not in os.environ:
            raise RuntimeError("there is no shim in this process")
        self._library = ctypes.CDLL(os.environ[_VARIABLE])
        self._library.io_kinds.restype = ctypes.c_char_p
        self._library.io_counted.restype = ctypes.c_long

    @staticmethod
    def is_loaded() -> bool:
        """Whether this process has one."""
        return _VARIABLE in os.environ

    def arm(
        self, folder: Path, mode: int, at: int = 0, *, error: int = 0, for_good: bool = False, seed: int = 0
    ) -> None:
        """From now on: count what is written below the folder, and strike at the operation ``at``, from 1 on.

        :param error: of :data:`FAIL`, as in :mod:`errno`.
        :param for_good: whether every later operation fails too.
        """
        arguments = (mode, ctypes.c_long(at), error, int(for_good), ctypes.c_uint(seed))
        self._library.io_arm(os.fsencode(folder), *arguments)

    def disarm(self) -> str:
        """Do nothing more; the kinds of what was counted, a letter each.

        c: a file is made, w: written, t: cut or emptied, a: allocated, s: synced, r: renamed, l: linked,
        u: unlinked.
        """
        self._library.io_disarm()
        kinds: bytes = self._library.io_kinds()
        return kinds.decode()

    def record(self, file: Path) -> None:
        """Record into a file what is written while counting."""
        self._library.io_record(os.fsencode(file))

    def mark(self, text: str) -> None:
        """Put a text into the record."""
        self._library.io_mark(text.encode())
