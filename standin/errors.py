"""The errors of the stand-in, with Redshift's codes and texts."""

from __future__ import annotations

import re


class RedshiftError(Exception):
    """An error as the server sends it: SQLSTATE, message and the fields that accompany them."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        detail: str | None = None,
        hint: str | None = None,
        severity: str = "ERROR",
        infos: tuple[str, ...] = (),
        source: tuple[str, int, str] | None = None,
    ) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.detail = detail
        self.hint = hint
        self.severity = severity
        self.infos = infos
        self.source = source

    def fields(self) -> dict[str, str]:
        """The fields of the ErrorResponse."""
        found = {"S": self.severity, "C": self.code, "M": self.message}
        if self.detail:
            found["D"] = self.detail
        if self.hint:
            found["H"] = self.hint
        if self.source:
            found["F"], found["L"], found["R"] = self.source[0], str(self.source[1]), self.source[2]
        return found


class PostgresError(Exception):
    """An error that PostgreSQL sent, with its fields unchanged."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(f"{fields.get('C')} {fields.get('M')}")
        self.fields = fields

    @property
    def code(self) -> str:
        """The SQLSTATE."""
        return self.fields.get("C", "XX000")


class ConnectionDropped(Exception):
    """The connection to the client must end here, without another byte."""


def syntax_error(near: str) -> RedshiftError:
    """42601, with the parser's text."""
    return RedshiftError("42601", f'syntax error at or near "{near}"')


def not_supported(message: str, **more: object) -> RedshiftError:
    """0A000: Redshift recognizes the feature and does not support it."""
    return RedshiftError("0A000", message, **more)  # type: ignore[arg-type]


def not_emulated(what: str) -> RedshiftError:
    """0A000: Redshift may support it, the stand-in does not. The text says so."""
    return RedshiftError("0A000", f"the stand-in does not emulate {what}; see standin/README.md")


def internal(message: str, *, code: int = 8001, context: str = "", query: int = 0) -> RedshiftError:
    """XX000 with the detail block that Redshift's own engine adds."""
    rule = "-----------------------------------------------"
    detail = (
        f"\n  {rule}\n  error:  {message}\n  code:      {code}\n  context:   {context}\n"
        f"  query:     {query}\n  location:  standin.py:1\n  process:   padbmaster [pid=0]\n  {rule}\n"
    )
    return RedshiftError("XX000", message, detail=detail)


def serialization_failure(table: int | str, xid: int, pid: int) -> RedshiftError:
    """Redshift's error 1023: the number is the message, the reason is in the detail."""
    return RedshiftError(
        "XX000",
        "1023",
        detail=f"Serializable isolation violation on table - {table}, "
        f"transactions forming the cycle are: {xid}, {xid + 1} (pid:{pid})",
        source=("/home/ec2-user/padb/src/sys/xen_execute.cpp", 9797, "pg_throw"),
    )


def snapshot_conflict() -> RedshiftError:
    """The error of a write under SNAPSHOT isolation if another transaction has since written the same rows."""
    return RedshiftError("XX000", "could not complete because of conflict with concurrent transaction")


_MOST = 16 * 1024 * 1024


def check_size(sql: str) -> None:
    """Refuse a statement that is longer than Redshift accepts (AWS: Amazon Redshift SQL, maximum size).

    :raises RedshiftError: 54000, if it is longer.
    """
    if len(sql) * 4 > _MOST and (size := len(sql.encode())) > _MOST:
        raise RedshiftError(
            "54000",
            f"Statement is too large. Statement Size: {size} bytes. Maximum Allowed: {_MOST} bytes",
        )


def cancelled(query: int) -> RedshiftError:
    """The error of a statement that was cancelled or exceeded statement_timeout."""
    return RedshiftError("57014", f"Query ({query}) cancelled on user's request")


LENGTH_CHECK = re.compile(r"rs_len_(\d+)_(v|c)_")


def translate(
    error: PostgresError, *, table: int | str, xid: int, pid: int, query: int, snapshot: bool
) -> dict[str, str]:
    """The fields of PostgreSQL's error as Redshift would word them.

    :param snapshot: True for SNAPSHOT isolation, False for SERIALIZABLE.
    """
    fields = {key: value for key, value in error.fields.items() if key in "SCMDHFLRW"}
    code = error.code
    message = fields.get("M", "")
    if code == "40001":
        return (snapshot_conflict() if snapshot else serialization_failure(table, xid, pid)).fields()
    if code == "57014":
        return cancelled(query).fields()
    if code == "23514" and (found := LENGTH_CHECK.match(error.fields.get("n", ""))):
        kind = "character varying" if found[2] == "v" else "character"
        return RedshiftError("22001", f"value too long for type {kind}({found[1]})").fields()
    if code == "23502":
        column = error.fields.get("c", "?")
        return internal(
            f"Cannot insert a NULL value into column {column}",
            code=8007,
            context="query execution",
            query=query,
        ).fields()
    if code == "21000" and "MERGE" in message:
        return RedshiftError("XX000", "Found multiple matches to update the same tuple.").fields()
    if code == "42P07":
        fields["M"] = re.sub(r"^relation ", "Relation ", message)
    return fields
