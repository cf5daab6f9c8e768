"""What a check finds, and the book that checks write it into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Self

from sparkify.config.settings import Settings
from sparkify.etl.errors import ConfigurationError, SparkifyError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sparkify.warehouse.facade import Warehouse

__all__ = ["Book", "Finding", "Opener", "Problem", "at_head"]


@dataclass(frozen=True)
class Finding:
    """What one check found.

    :ivar advice: what to run or to change; of a problem.
    :ivar exit_code: 0 when nothing is wrong; 2 when the configuration cannot be understood; else 1.
    """

    check: str
    status: Literal["ok", "problem", "skipped"]
    message: str
    advice: str = ""
    exit_code: int = 0


class Problem(Exception):
    """Something is wrong."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


class Book:
    """Runs checks, and writes down what they find."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.secrets: tuple[str, ...] = ()

    def check(
        self,
        name: str,
        look: Callable[[], str],
        *,
        needs: Sequence[str] = (),
        failing: int = 1,
        if_allowed: bool = False,
    ) -> None:
        """Run a check, unless one that it needs was not ok.

        :param if_allowed: a load does not need the rights to look at this; without them, it is skipped.
        """
        good = {finding.check for finding in self.findings if finding.status == "ok"}
        known = {finding.check for finding in self.findings}
        if missing := [need for need in needs if need in known and need not in good]:
            self._write(Finding(name, "skipped", f"needs {missing[0]}, which is not ok"))
            return
        try:
            found = Finding(name, "ok", look())
        except Problem as exc:
            found = Finding(name, "problem", str(exc), exc.advice, failing)
        except SparkifyError as exc:
            if if_allowed and getattr(exc, "denied", False):
                self._write(Finding(name, "skipped", f"your AWS identity may not look ({exc})"))
                return
            code = 2 if isinstance(exc, ConfigurationError) and failing == 2 else 1
            found = Finding(name, "problem", _statement(exc), exc.hint or "", code)
        except Exception as exc:  # whatever goes wrong in a check is what it found
            first = (str(exc).strip() or type(exc).__name__).splitlines()[0]
            found = Finding(name, "problem", f"{type(exc).__name__}: {first}", "look at the message", failing)
        self._write(found)

    def _write(self, found: Finding) -> None:
        from sparkify.provision.aws_errors import scrub

        self.findings.append(
            Finding(
                found.check,
                found.status,
                scrub(found.message, self.secrets),
                scrub(found.advice, self.secrets),
                found.exit_code,
            )
        )


class Opener:
    """The warehouse, made when it is first used and closed at the end of the block."""

    def __init__(self, settings: Settings, *, read_only: bool = False) -> None:
        self._settings, self._read_only = settings, read_only

    @cached_property
    def warehouse(self) -> Warehouse:
        from sparkify.warehouse.facade import Warehouse

        return Warehouse(self._settings, read_only=self._read_only)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if "warehouse" in vars(self):
            with suppress(Exception):
                self.warehouse.close()


def _statement(error: SparkifyError) -> str:
    return error.found if error.where is None else f"{error.where}: {error.found}"


def at_head(connection: Connection) -> str:
    from sparkify.pipeline import SPARKIFY
    from sparkify.warehouse.migrations import current, head_of

    revision, head = current(connection), head_of(SPARKIFY)
    if revision is None:
        raise Problem("there are no tables yet", "sparkify-etl migrate")
    if revision != head:
        raise Problem(f"revision {revision}, and this version needs {head}", "sparkify-etl migrate")
    return f"revision {revision}"
