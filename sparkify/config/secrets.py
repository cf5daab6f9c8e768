"""The secrets of the settings: which they are, and how to show a URL or a text without them."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = [
    "MASK",
    "masked",
    "masked_url",
    "protect",
    "protect_environment",
    "redact",
    "secrets_of",
    "secrets_within",
]

MASK = "***"

_VARIABLES = (
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "MOTHERDUCK_TOKEN",
    "PGPASSWORD",
    "SPARKIFY_AWS_ACCESS_KEY_ID",
    "SPARKIFY_AWS_SECRET_ACCESS_KEY",
    "SPARKIFY_DB_PASSWORD",
    "SPARKIFY_DWH_DB_PASSWORD",
    "motherduck_token",
)
"""The environment variables that may hold a secret, known before the settings are read."""

_SHORTEST = 8
"""The fewest characters of a secret to mask in texts: a Redshift password has this many (AWS: CREATE USER). A
shorter one may be a word, which would be masked in titles, in names and in error messages.
"""

# The user contains no slash: after one comes a path, in which an @ and a colon have no meaning.
_USERINFO = re.compile(r"(?P<scheme>\w[\w+.-]*://)(?P<user>[^/@:?#\s]*)(?P<password>:[^?#\s]*)?@")
_HOST_USERINFO = re.compile(r"()^(?!arn:)(?P<user>[^/@:?#\s]+)(?P<password>:[^?#\s]*)@")
_QUERY = re.compile(r"(?P<name>[?&;][^=&;#?\s]+=)(?P<value>[^&;#\s]+)")

_PUBLIC = frozenset({"automatic", "read_only", "read_write", "verify-ca", "verify-full"})
"""Values in the query of a URL that are not secret: masked in the URL, but not in other texts."""

_known: set[str] = set()


def masked(text: str) -> str:
    """A text of the settings for display, with the passwords and queries of URLs masked.

    >>> masked("http://me:secret@proxy:8080/?token=abc")
    'http://me:***@proxy:8080/?token=***'
    >>> masked("me:secret@example.com")
    'me:***@example.com'
    >>> masked("s3://bucket/a:b@c")
    's3://bucket/a:b@c'
    """

    def hide(found: re.Match[str]) -> str:
        return f"{found[1]}{found['user']}:{MASK}@" if found["password"] else f"{found[1]}{MASK}@"

    if "://" not in text:
        return _HOST_USERINFO.sub(hide, text, count=1)
    return _QUERY.sub(rf"\g<name>{MASK}", _USERINFO.sub(hide, text))


def masked_url(url: URL) -> str:
    """The URL of a database for display, with the password and each value of the query masked.

    >>> from sqlalchemy.engine import make_url
    >>> masked_url(make_url("duckdb:///a.duckdb?motherduck_token=abc"))
    'duckdb:///a.duckdb?motherduck_token=***'
    """
    shown = url.set(query={}).render_as_string(hide_password=True)
    # Any of them may be a token, and each driver has its own name for it.
    query = "&".join(f"{quote_plus(name)}={MASK}" for name in url.query)
    return f"{shown}?{query}" if query else shown


def secrets_of(settings: Any) -> tuple[str, ...]:
    """Every secret in the settings, including those within URLs and hosts."""
    found: list[str] = []
    for name, value in settings:
        if name == "database_url":
            found += [] if value is None else secrets_within(value.get_secret_value(), name)
        elif hasattr(value, "get_secret_value"):
            found.append(value.get_secret_value())
        elif isinstance(value, str):
            found += secrets_within(value, name)
    return tuple(dict.fromkeys(secret for secret in found if secret))


def secrets_within(text: str, setting: str) -> Iterator[str]:
    """The secrets within a URL, both as written and percent-decoded."""
    pattern = _USERINFO if "://" in text else _HOST_USERINFO
    if match := pattern.search(text):
        if password := (match["password"] or "")[1:]:
            yield from (password, unquote(password))
        elif match["user"] and setting != "database_url":
            # The name of a database user is not secret. Elsewhere it may be a token without a password.
            yield match["user"]
    if "://" in text:
        for found in _QUERY.finditer(text):
            value = found["value"]
            if value not in _PUBLIC and len(value) >= _SHORTEST:
                yield from (value, unquote(value))


def protect(secrets: Iterable[str]) -> None:
    """Mask these in every text that passes :func:`redact`, until the process ends."""
    _known.update(secret for secret in secrets if len(secret) >= _SHORTEST)


def protect_environment() -> None:
    """Mask the secrets in the environment, and those within its database URL."""
    protect(os.environ[name] for name in _VARIABLES if os.environ.get(name))
    protect(secrets_within(os.environ.get("SPARKIFY_DATABASE_URL", ""), "database_url"))


def redact(text: str) -> str:
    """The text with every known secret masked, however it is quoted."""
    pattern = _pattern(frozenset(_known))
    return text if pattern is None else pattern.sub(MASK, text)


@lru_cache(maxsize=1)
def _pattern(known: frozenset[str]) -> re.Pattern[str] | None:
    forms = {form for secret in known for form in _forms(secret)}
    if not forms:
        return None
    longest = sorted(forms, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest)))


def _forms(secret: str) -> set[str]:
    """The forms that a secret may take in a message, a log, a URL or a page."""
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        repr(secret)[1:-1],
        repr(repr(secret))[1:-1].strip("'\""),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
        secret.replace("%", "%%"),
        secret.replace("'", "''"),
        base64.b64encode(secret.encode(errors="surrogateescape")).decode(),
    }
