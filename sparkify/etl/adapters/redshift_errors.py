"""What the errors of Redshift mean: to the user, and to whoever thinks of trying again."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy.exc import DBAPIError

from sparkify.etl.errors import ConfigurationError, SparkifyError, TemporaryError
from sparkify.redshift.credentials import ConnectError

__all__ = ["is_load_error", "is_passing", "translate"]

_PASSING = ("40001", "40P01", "57P01", "57P02", "57P03", "53300", "53400", "08000", "08003", "08006")
"""SQLSTATEs: serialization, deadlock, shutdown, too many connections, connection lost."""
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


def is_passing(error: BaseException) -> bool:
    """Whether the whole transaction may succeed if it is begun anew on another connection."""
    if isinstance(error, ConnectError):
        return error.temporary
    if not isinstance(error, DBAPIError):
        return False
    return (
        error.connection_invalidated
        or _fields(error).get("C") in _PASSING
        or bool(_SERIALIZATION.search(_message(error)))
    )


def translate(error: Exception) -> SparkifyError | None:
    """The error in our words, or None for one that is not the database's."""
    if isinstance(error, ConnectError):
        kind = TemporaryError if error.temporary else ConfigurationError
        return kind(f"{error}; nothing was changed")
    if not isinstance(error, DBAPIError):
        return None
    if is_passing(error):
        what = "the connection was lost" if error.connection_invalidated else _first(_message(error))
        return TemporaryError(f"Redshift: {what}, also when tried again; nothing was changed")
    if found := _S3_ERROR.search(_message(error)):
        return ConfigurationError(
            f"Redshift cannot read from S3: {_first(found[1])}. Check that the IAM role is attached to the "
            "cluster and may read the bucket, and the region; nothing was changed"
        )
    if _fields(error).get("C") == "42501":
        return ConfigurationError(f"Redshift: {_first(_message(error))}; nothing was changed")
    return SparkifyError(f"Redshift: {_first(_message(error))}; nothing was changed")


def _first(message: str) -> str:
    return message.strip().splitlines()[0][:300] if message.strip() else "no reason given"
