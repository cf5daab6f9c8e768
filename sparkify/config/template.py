"""A new ``dwh.cfg`` with every setting, commented out, at its default."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sparkify.config.fields import env_name, extra_of
from sparkify.config.settings import Settings
from sparkify.etl.declarations import Source
from sparkify.etl.errors import ConfigurationError

__all__ = ["template", "write_template"]


def template(sources: Sequence[Source] = ()) -> str:
    """A ``dwh.cfg`` with every setting, including those of the sources, commented out, at its default."""
    sections: dict[str, list[str]] = {}
    for name, info in Settings.with_sources(sources).declared().items():
        extra = extra_of(info)
        default = "" if info.default is None else str(info.default)
        sections.setdefault(extra["section"].upper(), []).extend(
            [f"# {info.description} ({env_name(name)})", f"#{extra['options'][0]} = {default}".rstrip(), ""]
        )
    head = [
        "# Settings of sparkify. An option of a command overrides the environment, which overrides this file.",
        "# This file may hold secrets: keep its mode at 0600, and out of version control.",
        "",
    ]
    body = [line for section, lines in sections.items() for line in (f"[{section}]", *lines)]
    return "\n".join([*head, *body])


def write_template(path: Path, sources: Sequence[Source] = ()) -> None:
    """Write :func:`template` to a new file that only its owner may read.

    :raises ConfigurationError: if the file exists already; it is left as it is.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigurationError("is there already", where=str(path), state="it was left as it is") from None
    except OSError as exc:
        raise ConfigurationError(f"cannot be written: {exc.strerror}", where=str(path)) from None
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(template(sources))
