"""What the errors of Redshift mean: what the user is told, and whether a retry may help."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import DBAPIError

from sparkify.etl.errors import UNCHANGED, ConfigurationError, SparkifyError, TemporaryError
from sparkify.redshift.credentials import ConnectError

__all__ = ["is_cancelled", "is_load_error", "is_read_only", "is_transient", "translate"]

_TRANSIENT = ("40001", "40P01", "57P01", "57P02", "57P03", "53300", "53400", "08000", "08003", "08006")
"""SQLSTATEs: serialization, deadlock, shutdown, too many connections, connection lost."""
_WHERE = "Redshift"
_LOAD_ERROR = re.compile(r"stl_load_errors|sys_load_error_detail|[Cc]heck '\w*load\w*'")
_S3_ERROR = re.compile(r"S3ServiceException:(.{0,200})", re.DOTALL)


_MISSING = re.compile(
    r"S3ServiceException:.{0,200}(?:Status 404|NoSuchKey)|Mandatory url is not present", re.DOTALL
)


@dataclass(frozen=True)
class _Meaning:
    """What an error message means.

    :ivar words: a pattern to find in the message.
    :ivar kind: the class of error that the user gets.
    :ivar found: what the user is told; None: the message itself.
    :ivar again: whether the whole transaction is retried first.
    """

    words: re.Pattern[str]
    kind: type[SparkifyError]
    found: str | None = None
    hint: str | None = None
    again: bool = False


_MEANINGS = (
    # Under snapshot isolation, Redshift's default, and under SERIALIZABLE.
    _Meaning(
        re.compile(r"could not complete because of conflict with concurrent transaction"),
        TemporaryError,
        "another transaction has written the same rows",
        again=True,
    ),
    _Meaning(
        re.compile(r"^1023\b|[Ss]erializable isolation violation"),
        TemporaryError,
        "another transaction has changed the same tables",
        again=True,
    ),
    # S3 in COPY and UNLOAD: AWS asks for a lower request rate, or has a fault of its own.
    _Meaning(
        re.compile(
            r"S3ServiceException:.{0,400}(?:SlowDown|Status 50[0-4]|InternalError|ServiceUnavailable"
            r"|RequestTimeout|reduce your request rate)",
            re.DOTALL,
        ),
        TemporaryError,
        "S3 is busy or at fault",
        again=True,
    ),
    _Meaning(
        re.compile(
            r"[kK][mM][sS].{0,200}(?:AccessDenied|not authorized)|not authorized to perform: kms:", re.DOTALL
        ),
        ConfigurationError,
        hint="Let the IAM role of the cluster use the key: kms:Decrypt, and kms:GenerateDataKey to write.",
    ),
    _Meaning(
        re.compile(r"COPY with MANIFEST parameter requires full path of an S3 object"),
        ConfigurationError,
        "cannot read the manifest",
        # S3 answers 403 for an object that may not be read, and COPY then takes its name for a prefix.
        hint="Check that the IAM role may read below MANIFEST_PREFIX.",
    ),
    _Meaning(
        _S3_ERROR,
        ConfigurationError,
        hint="Check that the IAM role is attached to the cluster and may read the bucket, and the region.",
    ),
    _Meaning(
        re.compile(r"cancelled on user's request|canceled on user's request|[Qq]uery cancelled by"),
        TemporaryError,
        hint="Something cancelled it: statement_timeout, a rule of the queue, or a person.",
    ),
)
"""In the order in which they are tried."""


def _fields(error: BaseException) -> dict[str, Any]:
    """The fields of the server's error: ``C`` is the SQLSTATE, ``M`` the message."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return next((one for one in cause.args if isinstance(one, dict)), {})


def _message(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return str(_fields(error).get("M") or cause).strip()


def is_load_error(error: BaseException) -> bool:
    """Whether a COPY failed because of the data, so that the system tables name the lines."""
    return isinstance(error, DBAPIError) and bool(_LOAD_ERROR.search(_message(error)))


def is_missing_object(error: BaseException) -> bool:
    """Whether a COPY failed because an object is missing."""
    return isinstance(error, DBAPIError) and bool(_MISSING.search(_message(error)))


def is_cancelled(error: BaseException) -> bool:
    """Whether a statement was cancelled, for example by statement_timeout."""
    return isinstance(error, DBAPIError) and _fields(error).get("C") == "57014"


def is_read_only(error: BaseException) -> bool:
    """Whether a READ ONLY transaction has refused to write."""
    return isinstance(error, DBAPIError) and _fields(error).get("C") == "25006"


def is_transient(error: BaseException) -> bool:
    """Whether the whole transaction may succeed if it is retried on another connection."""
    if isinstance(error, ConnectError):
        return error.temporary
    if not isinstance(error, DBAPIError):
        return False
    meaning = _meaning(error)
    return (
        error.connection_invalidated
        or _fields(error).get("C") in _TRANSIENT
        or (meaning is not None and meaning.again)
    )


def translate(error: Exception) -> SparkifyError | None:
    """The error as one of sparkify's own, or None if it is not the database's."""
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
    meaning = _meaning(error)
    if is_transient(error):
        found = meaning.found if meaning is not None and meaning.found else _first(_message(error))
        lost = "the connection was lost" if error.connection_invalidated else found
        return TemporaryError(lost, where=_WHERE, state=UNCHANGED)
    if meaning is not None:
        return meaning.kind(
            meaning.found or _own_words(_message(error)), where=_WHERE, hint=meaning.hint, state=UNCHANGED
        )
    kind = ConfigurationError if _fields(error).get("C") == "42501" else SparkifyError
    return kind(_first(_message(error)), where=_WHERE, state=UNCHANGED)


def _meaning(error: DBAPIError) -> _Meaning | None:
    message = _message(error)
    return next((one for one in _MEANINGS if one.words.search(message)), None)


def _own_words(message: str) -> str:
    """What an error message says about S3, or else its first line."""
    found = _S3_ERROR.search(message)
    return f"cannot read from S3: {_first(found[1])}" if found else _first(message)


def _first(message: str) -> str:
    return message.strip().splitlines()[0][:300] if message.strip() else "no reason given"
