"""Disturb a process at its N-th file operation below a folder, or record the operations: see io_shim.c."""

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
"""Only count, and record if a file was set with :meth:`Shim.record`."""
KILL: Final = 2
"""Send SIGKILL instead of the operation."""
TORN: Final = 3
"""Perform the first half of a write, then SIGKILL."""
SECTORS: Final = 4
"""Perform a random number of the first sectors of 512 bytes of a write, then SIGKILL."""
FAIL: Final = 5
"""Let the operation fail with an error."""

_SOURCE = Path(__file__).with_name("io_shim.c")
_VARIABLE = "IO_SHIM"


def missing() -> str | None:
    """Why the shim is not available here; None if it is."""
    if not sys.platform.startswith("linux"):
        return "LD_PRELOAD and /proc are those of Linux"
    return None if _compiler() else "no compiler of C (cc, gcc or clang) is here"


def require_shim(module: str) -> None:
    """Require that this process has loaded the shim.

    Otherwise run the module again with the shim preloaded before the C library, and exit with its exit code.

    :raises SystemExit: after running the module again, and if the shim is not available here.
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

    :raises RuntimeError: if it was not preloaded before the C library.
    """

    def __init__(self) -> None:
        if _VARIABLE not in os.environ:
            raise RuntimeError("there is no shim in this process")
        self._library = ctypes.CDLL(os.environ[_VARIABLE])
        self._library.io_kinds.restype = ctypes.c_char_p
        self._library.io_counted.restype = ctypes.c_long

    @staticmethod
    def is_loaded() -> bool:
        """Whether this process has loaded the shim."""
        return _VARIABLE in os.environ

    def arm(
        self, folder: Path, mode: int, at: int = 0, *, error: int = 0, for_good: bool = False, seed: int = 0
    ) -> None:
        """Start to count the operations below the folder, and act at the operation ``at``, counted from 1.

        :param error: the error of :data:`FAIL`, as in :mod:`errno`.
        :param for_good: whether all later operations fail too.
        """
        arguments = (mode, ctypes.c_long(at), error, int(for_good), ctypes.c_uint(seed))
        self._library.io_arm(os.fsencode(folder), *arguments)

    def disarm(self) -> str:
        """Stop counting. Returns the kinds of the counted operations, one letter each.

        c: created, w: written, t: truncated, a: allocated, s: synced, r: renamed, l: linked, u: unlinked.
        """
        self._library.io_disarm()
        kinds: bytes = self._library.io_kinds()
        return kinds.decode()

    def record(self, file: Path) -> None:
        """Record the operations in a file while counting."""
        self._library.io_record(os.fsencode(file))

    def mark(self, text: str) -> None:
        """Add a text to the record."""
        self._library.io_mark(text.encode())
