"""What can go wrong in a load, as one tree of errors, each with an exit code that a scheduler can act on.

::

    SparkifyError                1   the base: something was refused, nothing is half done
    |-- ConfigurationError       2   usage or settings; a retry changes nothing
    |-- SourceError              1   a source cannot be read as it is
    |   |-- EmptySource          1   no file was found where files were expected
    |   `-- ChangedFiles         1   files differ from what was loaded, or are gone
    |-- DriftError               1   files differ from those before, and this was set to stop the load
    |-- RejectedLines            1   more lines were rejected than allowed
    |-- ChecksFailed             1   the star would violate a check
    `-- TemporaryError          75   a retry may help: lock held, connection lost, throttled

An error is made of parts: where, what was found, a hint, and the state in which things were left. ``str`` puts
them into one sentence; a command may phrase them differently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from sparkify.etl.escaping import escape_line
from sparkify.etl.profiles import Drift
from sparkify.etl.results import CheckResult, OtherFormat, Reject

__all__ = [
    "COMMITTED",
    "IN_DOUBT",
    "UNCHANGED",
    "ChangedFiles",
    "ChecksFailed",
    "ConfigurationError",
    "DriftError",
    "EmptySource",
    "RejectedLines",
    "SourceError",
    "SparkifyError",
    "TemporaryError",
    "leaving",
]

UNCHANGED = "nothing was changed"
"""The state after a load that did not commit."""

COMMITTED = "the load was committed"
"""The state when something stops a load after its commit."""

IN_DOUBT = "it is not known whether it was; to run the load again is safe"
"""The state when a load is stopped in the middle of its commit."""

Spell = Callable[[str, object], str]
"""Given the name and value of an option of a load, returns how to write it."""


def _as_keyword(name: str, value: object) -> str:
    return f"{name}={value!r}"


class SparkifyError(Exception):
    """The base of every error that the library raises on purpose.

    :ivar where: the file, folder, host or setting that it is about.
    :ivar found: what was found there.
    :ivar state: in what state things were left; None if nothing was at stake.
    :ivar option: the option of a load, and its value, that would permit what was refused.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        found: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        state: str | None = None,
        option: tuple[str, object] | None = None,
        details: Sequence[str] = (),
    ) -> None:
        super().__init__(found)
        self.found = found
        self.where = where
        self.state = state
        self.option = option
        self._hint = hint
        self._details = tuple(details)

    @property
    def hint(self) -> str | None:
        """What to do about it, options written as Python's keyword arguments."""
        return self.hint_with(_as_keyword)

    def hint_with(self, spell: Spell) -> str | None:
        """What to do about it, options written by ``spell``."""
        if self._hint is None or self.option is None:
            return self._hint
        return self._hint.replace("{option}", spell(*self.option))

    @property
    def details(self) -> tuple[str, ...]:
        """Further information that does not fit into one sentence, such as the rejected lines."""
        return self._details

    def sentence(self, spell: Spell = _as_keyword) -> str:
        """All parts in one sentence, then the details, one per line, then the hint."""
        text = self.found if self.where is None else f"{self.where}: {self.found}"
        if self.state is not None:
            text += f"; {self.state}"
        hint = self.hint_with(spell)
        if not self.details:
            return escape_line(f"{text}. {hint}" if hint else text)
        lines = [f"{text}:", *(f"  {detail}" for detail in self.details)]
        # A newline in a name or an option would begin a line that looks like another error.
        return "\n".join(map(escape_line, [*lines, *hint.split("\n")] if hint else lines))

    def __str__(self) -> str:
        return self.sentence()

    def __reduce__(self) -> tuple[Any, ...]:
        # By default, pickle and copy call the class with ``args``, but most classes take other arguments.
        return _without_attributes, (type(self), *self.args), vars(self)


def _without_attributes(kind: type[SparkifyError], *args: Any) -> SparkifyError:
    """An error of the given class, whose attributes are set afterwards."""
    return kind.__new__(kind, *args)


@contextmanager
def leaving(state: str | Callable[[], str]) -> Iterator[None]:
    """Set the state in which things were left on every error that leaves the block, unless it has one.

    :param state: the state, or a function that returns it if it changes.
    """
    try:
        yield
    except SparkifyError as error:
        error.state = error.state or (state() if callable(state) else state)
        raise


class ConfigurationError(SparkifyError):
    """A setting, an option or the state of the database does not allow what was asked."""

    exit_code = 2


class SourceError(SparkifyError):
    """A source, or one of its files, cannot be read.

    :ivar uri: the file or folder it is about.
    """

    def __init__(self, uri: str, found: str, *, hint: str | None = None) -> None:
        super().__init__(found, where=uri, hint=hint)
        self.uri = uri


class EmptySource(SourceError):
    """No file was found where files were expected.

    :ivar exists: whether the folder exists and is merely empty.
    """

    def __init__(self, uri: str, found: str, *, exists: bool = False, hint: str | None = None) -> None:
        super().__init__(uri, found, hint=hint)
        self.exists = exists


class ChangedFiles(SparkifyError):
    """Files that were loaded before are different now, or gone.

    :ivar uris: the files.
    """

    NAMED: ClassVar[int] = 5

    def __init__(self, uris: Sequence[str], found: str, *, hint: str, option: tuple[str, object]) -> None:
        self.uris = tuple(uris)
        super().__init__(found, where=self._named(), hint=hint, option=option)

    def _named(self) -> str:
        count = len(self.uris)
        if count == 1:
            return self.uris[0]
        named = ", ".join(self.uris[: self.NAMED])
        more = f" and {count - self.NAMED:,} more" if count > self.NAMED else ""
        return f"{count:,} files ({named}{more})"


class DriftError(SparkifyError):
    """Files differ from those before, or from the models, and the load was asked to stop for this.

    :ivar drift: how they differ.
    """

    def __init__(self, drift: Sequence[Drift]) -> None:
        self.drift = tuple(drift)
        super().__init__(
            "the files are not as those before, or not as the models expect them",
            hint="Correct the files, or accept them as they are with {option}.",
            option=("on_drift", "warn"),
            state=f"the load was rolled back and {UNCHANGED}",
            details=[str(one) for one in drift],
        )


class RejectedLines(SparkifyError):
    """More lines were rejected than ``max_rejects`` allows. Nothing was loaded.

    :ivar rejects: every rejected line.
    :ivar max_rejects: how many were allowed.
    :ivar formats: which of their files have another format, as far as it was recognized.
    """

    LISTED: ClassVar[int] = 10

    def __init__(
        self, rejects: Sequence[Reject], max_rejects: int, formats: Sequence[OtherFormat] = ()
    ) -> None:
        self.rejects = tuple(rejects)
        self.max_rejects = max_rejects
        self.formats = tuple(formats)
        count = len(self.rejects)
        remedies = list(dict.fromkeys(one.remedy for one in formats))
        if any(self._lines()):
            # Otherwise no line of these files could be loaded, so allowing the rejects would not help.
            remedies.append(
                "Correct the files, or allow it with {option}: the rest is loaded and these lines are kept."
            )
        super().__init__(
            f"{count:,} {'line' if count == 1 else 'lines'} cannot be loaded and {max_rejects:,} are allowed",
            hint="\n".join(remedies),
            option=("max_rejects", count),
            state=UNCHANGED,
        )

    @property
    def details(self) -> tuple[str, ...]:
        """The files in another format, then the first rejected lines of other files, each with file, number,
        reason and text.
        """
        others = list(self._lines())
        lines = [str(one) for one in self.formats]
        lines += map(str, others[: self.LISTED])
        if len(others) > self.LISTED:
            lines.append(f"... and {len(others) - self.LISTED:,} more")
        return tuple(lines)

    def _lines(self) -> Iterator[Reject]:
        """The rejected lines of files in which other lines may be valid."""
        whole = {uri for one in self.formats if one.whole for uri in one.uris}
        return (reject for reject in self.rejects if reject.uri not in whole)


class ChecksFailed(SparkifyError):
    """Quality checks found rows that violate them. The load was rolled back.

    :ivar results: the checks that failed, each with some of the rows it found.
    """

    def __init__(self, results: Sequence[CheckResult]) -> None:
        self.results = tuple(results)
        count = len(self.results)
        super().__init__(
            f"{count} {'check' if count == 1 else 'checks'} failed",
            state=f"the load was rolled back and {UNCHANGED}",
        )

    @property
    def details(self) -> tuple[str, ...]:
        """Each check with the number of rows that violate it, and some of these rows."""
        return tuple(str(result) for result in self.results)


class TemporaryError(SparkifyError):
    """Something outside was in the way; the same command may succeed later."""

    exit_code = 75
