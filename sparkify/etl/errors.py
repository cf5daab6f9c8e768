"""What can go wrong in a load, as one tree, each branch with the exit code a scheduler may act on.

::

    SparkifyError                1   the base: something was refused, nothing is half done
    |-- ConfigurationError       2   usage or settings; a retry changes nothing
    |-- SourceError              1   a source cannot be read as it is
    |   |-- EmptySource          1   no file was found where files were expected
    |   `-- ChangedFiles         1   files differ from what was loaded, or are gone
    |-- RejectedLines            1   more lines were rejected than allowed
    |-- ChecksFailed             1   the star would break a promise
    `-- TemporaryError          75   a retry may help: lock held, connection lost, throttled

Every message says where, what was found, what to do, and in what state things were left. The parts are
attributes as well, so that no caller needs to parse a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from sparkify.etl.report import CheckResult, Reject

__all__ = [
    "ChangedFiles",
    "ChecksFailed",
    "ConfigurationError",
    "EmptySource",
    "RejectedLines",
    "SourceError",
    "SparkifyError",
    "TemporaryError",
]


class SparkifyError(Exception):
    """The base of every error that the library raises on purpose."""

    exit_code: ClassVar[int] = 1


class ConfigurationError(SparkifyError):
    """A setting, an option or the state of the database does not allow what was asked."""

    exit_code = 2


class SourceError(SparkifyError):
    """A source, or one of its files, cannot be read.

    :ivar uri: the file or folder it is about.
    """

    def __init__(self, uri: str, message: str) -> None:
        super().__init__(f"{uri}: {message}")
        self.uri = uri


class EmptySource(SourceError):
    """No file where files were expected.

    :ivar exists: whether the folder is there, and merely has nothing in it.
    """

    def __init__(self, uri: str, message: str, *, exists: bool = False) -> None:
        super().__init__(uri, message)
        self.exists = exists


class ChangedFiles(SparkifyError):
    """Files that were loaded before are different now, or gone.

    :ivar uris: the files.
    """

    def __init__(self, message: str, uris: Sequence[str]) -> None:
        super().__init__(message)
        self.uris = tuple(uris)


class RejectedLines(SparkifyError):
    """More lines were rejected than ``max_rejects`` allows. Nothing was loaded.

    :ivar rejects: every rejected line.
    :ivar max_rejects: how many were allowed.
    """

    SHOWN: ClassVar[int] = 10

    def __init__(self, rejects: Sequence[Reject], max_rejects: int) -> None:
        self.rejects = tuple(rejects)
        self.max_rejects = max_rejects
        count = len(self.rejects)
        lines = "\n".join(f"  {reject}" for reject in self.rejects[: self.SHOWN])
        more = f"\n  ... and {count - self.SHOWN:,} more" if count > self.SHOWN else ""
        super().__init__(
            f"{count:,} {'line' if count == 1 else 'lines'} cannot be loaded and {max_rejects:,} are "
            f"allowed; nothing was changed.\n{lines}{more}\n"
            f"Mend the files, or allow it with --max-rejects {count}: the rest is loaded and "
            "these lines are kept in rejected_rows."
        )


class ChecksFailed(SparkifyError):
    """A quality check found rows that break a promise. The load was rolled back.

    :ivar results: the checks that failed, each with some of the rows it found.
    """

    def __init__(self, results: Sequence[CheckResult]) -> None:
        self.results = tuple(results)
        found = "\n".join(f"  {result}" for result in self.results)
        super().__init__(f"the load was rolled back and nothing was changed, because of these checks:\n{found}")


class TemporaryError(SparkifyError):
    """Something outside was in the way; the same command may succeed later."""

    exit_code = 75
