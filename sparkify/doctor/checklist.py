"""Run checks one after another, and keep what each of them found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sparkify.etl.errors import ConfigurationError, SparkifyError
from sparkify.etl.translation import Translate, first_line, translated

__all__ = ["Checklist", "Diagnosis", "Problem"]


@dataclass(frozen=True)
class Diagnosis:
    """What one check found.

    :ivar advice: what to run or to change, if there is a problem.
    :ivar exit_code: 0 if nothing is wrong; 2 if the configuration cannot be understood; otherwise 1.
    """

    check: str
    status: Literal["ok", "problem", "skipped"]
    message: str
    advice: str = ""
    exit_code: int = 0


class Problem(SparkifyError):
    """A check failed. The hint is the advice."""


class Checklist:
    """Runs checks.

    :ivar results: what they found, in the order in which they ran.
    :ivar secrets: the values to mask in messages and advice.
    :ivar translate: translates an error of the database.
    """

    def __init__(self) -> None:
        self.results: list[Diagnosis] = []
        self.secrets: tuple[str, ...] = ()
        self.translate: Translate = lambda _: None

    def run(
        self,
        name: str,
        check: Callable[[], str],
        *,
        needs: Sequence[str] = (),
        exit_code: int = 1,
        if_allowed: bool = False,
    ) -> bool:
        """Run a check, unless one that it needs was not ok. Returns whether it was ok.

        :param check: returns what is in order, or raises what is not.
        :param exit_code: the exit code of a failure.
        :param if_allowed: skip the check if the rights that it needs are missing: a load does not need them.
        """
        status = {result.check: result.status for result in self.results}
        if failed := [need for need in needs if status.get(need, "ok") != "ok"]:
            self._add(Diagnosis(name, "skipped", f"needs {failed[0]}, which is not ok"))
            return False
        try:
            found = check()
        except Exception as exc:  # any failure of a check is what it found
            self._add(self._failure(name, exc, exit_code, if_allowed=if_allowed))
            return False
        self._add(Diagnosis(name, "ok", found))
        return True

    def _failure(self, name: str, exc: Exception, exit_code: int, *, if_allowed: bool) -> Diagnosis:
        error = translated(exc, self.translate)
        if error is None:
            found = f"{type(exc).__name__}: {first_line(exc)}"
            return Diagnosis(name, "problem", found, "see the message", exit_code)
        if if_allowed and getattr(error, "denied", False):
            return Diagnosis(name, "skipped", f"your AWS identity may not inspect it ({error})")
        code = exit_code if isinstance(error, Problem | ConfigurationError) else 1
        message = error.found if error.where is None else f"{error.where}: {error.found}"
        return Diagnosis(name, "problem", message, error.hint or "", code)

    def _add(self, found: Diagnosis) -> None:
        from sparkify.provision.aws_errors import scrub

        message, advice = scrub(found.message, self.secrets), scrub(found.advice, self.secrets)
        self.results.append(Diagnosis(found.check, found.status, message, advice, found.exit_code))
