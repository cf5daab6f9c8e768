"""Checks of a configuration: names that are not settings, and secrets that others may read."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from sparkify.config.dwhcfg import config_file, read_values
from sparkify.config.fields import env_name, extra_of
from sparkify.config.secrets import secrets_within
from sparkify.config.settings import Settings
from sparkify.etl.declarations import Source
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.suggestions import closest

__all__ = ["readable_by_others", "refuse_readable_secrets", "unknown_options", "unknown_variables"]

_OTHER_VARIABLES = ("config", "pipeline", "bench")


def unknown_options(sources: Sequence[Source] = ()) -> list[str]:
    """The options in the file that are not settings, not even of these sources; each with the likely one."""
    known = _known_options(sources)
    return [
        f"[{section}] {option.upper()} is not a setting{_meant(section, option, known)}"
        for section, option in read_values(config_file())
        if (section, option) not in known
    ]


def unknown_variables(sources: Sequence[Source] = ()) -> list[str]:
    """The environment variables ``SPARKIFY_*`` that are not settings; each with the likely one."""
    known = [name.upper() for name in (*Settings.with_sources(sources).model_fields, *_OTHER_VARIABLES)]
    prefix = env_name("")
    names = (name.removeprefix(prefix) for name in sorted(os.environ) if name.startswith(prefix))
    return [
        f"{prefix}{name} is not a setting"
        f"{f'; did you mean {prefix}{near}?' if (near := closest(name, known)) else ''}"
        for name in names
        if name not in known
    ]


def _known_options(sources: Sequence[Source]) -> dict[tuple[str, str], str]:
    """Every option as it is written, by its section in upper case and its name in lower case."""
    known: dict[tuple[str, str], str] = {}
    for info in Settings.with_sources(sources).model_fields.values():
        extra = extra_of(info)
        known |= {(extra["section"].upper(), option.lower()): option for option in extra["options"]}
    return known


def _meant(section: str, option: str, known: Mapping[tuple[str, str], str]) -> str:
    """A suggestion: the option in another section, else a similar name in this one, else in any."""
    elsewhere = [(name, written) for (name, lower), written in known.items() if lower == option]
    if elsewhere:
        return f"; did you mean [{elsewhere[0][0]}] {elsewhere[0][1]}?"
    here = [written for (name, _), written in known.items() if name == section]
    if near := closest(option.upper(), here):
        return f"; did you mean {near}?"
    if near := closest(option.upper(), known.values()):
        name = next(name for (name, _), written in known.items() if written == near)
        return f"; did you mean [{name}] {near}?"
    return ""


def readable_by_others(path: Path | None = None) -> bool:
    """Whether the file holds a secret that users other than its owner may read."""
    path = path or config_file()
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    if not mode & (stat.S_IRWXG | stat.S_IRWXO):
        return False
    values = read_values(path)
    return any(
        _holds_secret(name, value, secret=extra["secret"])
        for name, extra in ((name, extra_of(info)) for name, info in Settings.model_fields.items())
        for option in extra["options"]
        if (value := values.get((extra["section"], option.lower())))
    )


def refuse_readable_secrets() -> None:
    """Raise an error if users other than its owner may read a settings file that holds a secret.

    :raises ConfigurationError: in that case.
    """
    path = config_file()
    if readable_by_others(path):
        raise ConfigurationError(
            "holds a secret, and others may read it",
            where=str(path),
            hint=f"Run: chmod 600 {shlex.quote(str(path))}",
        )


def _holds_secret(name: str, value: str, *, secret: bool) -> bool:
    """Whether a value is a secret or contains one, as a URL does in its password or its query."""
    return any(secrets_within(value, name)) if name == "database_url" or not secret else bool(value)
