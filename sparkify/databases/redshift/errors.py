"""What the errors of Redshift mean: to the user, and to whoever thinks of trying again."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy.exc import DBAPIError

from sparkify.etl.errors import UNCHANGED, ConfigurationError, SparkifyError, TemporaryError
from sparkify.redshift.credentials import ConnectError

__all__ = ["is_load_error", "is_transient", "translate"]

_TRANSIENT = ("40001", "40P01", "57P01", "57P02", "57P03", "53300", "53400", "08000", "08003", "08006")
"""SQLSTATEs: serialization, deadlock, shutdown, too many connections, connection lost."""
_WHERE = "Redshift"
_SERIALIZATION = re.compile(r"\b1023\b|[Ss]erializable isolation violation")
_LOAD_ERROR = re.compile(r"stl_load_errors|sys_load_error_detail|[Cc]heck '\w*load\w*'")
_S3_ERROR = re.compile(r"S3ServiceException:(.{0,200})", re.DOTALL)


def _fields(error: BaseException) -> dict[str, Any]:
    """What the server said: ``C`` is the SQLSTATE, ``M`` the message."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return next((one for one in cause.args if isinstance(one, dict)), {})


def _message(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return str(_fields(error).get("M") or cause).strip()


def is_load_error(error: BaseException) -> bool:
    """Whether a COPY failed because of the data, and the system tables tell which lines."""
    return isinstance(error, DBAPIError) and bool(_LOAD_ERROR.search(_message(error)))


def is_transient(error: BaseException) -> bool:
    """Whether the whole transaction may succeed if it is begun anew on another connection."""
    if isinstance(error, ConnectError):
        return error.temporary
    if not isinstance(error, DBAPIError):
        return False
    return (
        error.connection_invalidated
        or _fields(error).get("C") in _TRANSIENT
        or bool(_SERIALIZATION.search(_message(error)))
    )


def translate(error: Exception) -> SparkifyError | None:
    """The error in our words, or None for one that is not the database's."""
    kind: type[SparkifyError]
    if isinstance(error, ConnectError):
        kind = TemporaryError if error.temporary else ConfigurationError
        return kind(
            error.found,
            where=f"cannot connect to {error.host}",
            hint=f"{error.hint[:1].upper()}{error.hint[1:]}.",
            state=UNCHANGED,
        )
    if not isinstance(error, DBAPIError):
        return None
    if is_transient(error):
        lost = "the connection was lost" if error.connection_invalidated else _first(_message(error))
        return TemporaryError(f"{lost}, also when tried again", where=_WHERE, state=UNCHANGED)
    if found := _S3_ERROR.search(_message(error)):
        return ConfigurationError(
            f"cannot read from S3: {_first(found[1])}",
            where=_WHERE,
            hint="Check that the IAM role is attached to the cluster and may read the bucket, and the region.",
            state=UNCHANGED,
        )
    kind = ConfigurationError if _fields(error).get("C") == "42501" else SparkifyError
    return kind(_first(_message(error)), where=_WHERE, state=UNCHANGED)


def _first(message: str) -> str:
    return message.strip().splitlines()[0][:300] if message.strip() else "no reason given"
