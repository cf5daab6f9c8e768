"""S3 locations, IAM roles and regions: the parts that COPY and UNLOAD share, checked.

Authorization is by IAM role alone. There is no way to pass access keys: they would be in the SQL text, which
the cluster keeps in its query history. Sources: pages "COPY from Amazon S3", "Authorization parameters"
and UNLOAD of the Amazon Redshift Database Developer Guide; "Chaining IAM roles" of the Amazon Redshift
Management Guide.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

_S3_URI: Final = re.compile(
    r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9])(?:/(?P<key>.*))?", re.DOTALL
)
_ROLE_ARN: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,576}", re.ASCII)
_REGION: Final = re.compile(r"[a-z]{2,5}(?:-[a-z]+)+-\d{1,2}")
#: A role can be assumed through at most nine others.
MAX_CHAINED_ROLES: Final = 10


class S3CommandError(ValueError):
    """A COPY or UNLOAD that Redshift would refuse, or that would not do what it says; refused before it is
    sent.

    ``option``: the name of the argument at fault.
    """

    def __init__(self, option: str, message: str) -> None:
        self.option = option
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        # Otherwise a pickle or a copy would call the class with the message alone.
        return type(self), (self.option, *self.args), vars(self)


def s3_uri(value: str, option: str, error: type[S3CommandError], *, key: bool = False) -> str:
    """``value`` unchanged, if it is an S3 URI that can be in a literal; with ``key``, one with a key."""
    match = _S3_URI.fullmatch(value)
    if match is None:
        raise error(option, f"{option}={value!r} is not an S3 URI; write s3://bucket/key")
    if "\\" in value or not value.isprintable():
        # Databases differ in how they read a backslash in a literal; see literals.backslash_safe.
        raise error(
            option, f"{option}={value!r} has a backslash or an unprintable character; rename the object"
        )
    if key and not match["key"]:
        raise error(option, f"{option}={value!r} names a bucket only; name one object")
    return value


def iam_role(value: str | Sequence[str], error: type[S3CommandError]) -> tuple[str, ...]:
    """The chain of role ARNs in ``value``, or ``("default",)``; a string may hold several, joined by
    commas."""
    parts = re.split(r",(?=arn:)", value) if isinstance(value, str) else list(value)
    if len(parts) == 1 and parts[0].lower() == "default":
        return ("default",)
    if not parts or not all(isinstance(part, str) and _ROLE_ARN.fullmatch(part) for part in parts):
        # The value is not repeated: a key given by mistake for a role must not end up in a log.
        raise error(
            "iam_role",
            "iam_role is not the ARN of a role; write arn:aws:iam::<12 digits>:role/<name>, several for a "
            "chain, or 'default' (access keys cannot be used)",
        )
    if len(parts) > MAX_CHAINED_ROLES:
        raise error("iam_role", f"iam_role chains {len(parts)} roles; Redshift allows {MAX_CHAINED_ROLES}")
    return tuple(parts)


def aws_region(value: str, error: type[S3CommandError]) -> str:
    """``value`` unchanged, if it looks like a region."""
    if _REGION.fullmatch(value) is None:
        raise error("region", f"region={value!r} is not an AWS region; write one like us-west-2")
    return value


def literal(value: str, compiler: Any) -> str:
    """``value`` as a literal, quoted by the dialect. Only for values that the constructor has found free of
    backslashes."""
    text: str = compiler.render_literal_value(value, sa.String())
    return text


def iam_role_clause(roles: tuple[str, ...], compiler: Any) -> str:
    """``IAM_ROLE default`` or ``IAM_ROLE 'arn..,arn..'``."""
    return "IAM_ROLE default" if roles == ("default",) else f"IAM_ROLE {literal(','.join(roles), compiler)}"
