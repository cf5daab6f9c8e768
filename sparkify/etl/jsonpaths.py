"""JSONPaths files: which key of an object fills which column of a COPY.

COPY takes one path for each column, in the order of the column list (AWS: COPY from JSON format). Redshift does
not refuse a file whose top-level key is not ``jsonpaths``: it loads by name, and camelCase keys become NULL. So
the file is read and checked before it is used.
"""

from __future__ import annotations

import json
import re
from typing import Any

from sparkify.etl.declarations import Source
from sparkify.etl.errors import ConfigurationError

__all__ = ["columns_of", "is_needed", "write_paths"]

_BRACKETS = re.compile(r"\$\['([^'\]]+)'\]|\$\[\"([^\"\]]+)\"\]")
_DOT = re.compile(r"\$\.([^.\[\]'\"]+)")


def is_needed(source: Source) -> bool:
    """Whether any key differs from the name of its column, so that COPY cannot match it by name.

    Redshift stores column names in lower case, and COPY matches keys case-sensitively.
    """
    return any(column.name.lower() != field.key for column, field in source.fields.items())


def write_paths(source: Source) -> str:
    """A JSONPaths file with a path for each column, in the order of the table. No key has an apostrophe or a
    backslash: a source with one is refused.
    """
    paths = [f"$['{field.key}']" for field in source.fields.values()]
    return json.dumps({"jsonpaths": paths}, indent=4)


def columns_of(text: str, source: Source, uri: str) -> list[str]:
    """The columns that the paths of a file fill, in the order of the file.

    :raises ConfigurationError: when it is not a JSONPaths file, or not one for this source: another top-level
        key, a path that is not a plain key, a key that no column has, a key twice, or a column without a path.
    """
    try:
        content: Any = json.loads(text)
    except ValueError as exc:
        raise ConfigurationError(f"is not JSON ({exc})", where=uri) from exc
    if not isinstance(content, dict) or list(content) != ["jsonpaths"]:
        found = ", ".join(content) if isinstance(content, dict) else type(content).__name__
        raise ConfigurationError(
            f"the one key of a JSONPaths file is jsonpaths, and this has {found!r}: Redshift would load by "
            "name without a word",
            where=uri,
        )
    paths = content["jsonpaths"]
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise ConfigurationError("jsonpaths is not a list of texts", where=uri)
    names = {field.key: column.name for column, field in source.fields.items()}
    notations = set()
    columns: list[str] = []
    for path in paths:
        brackets, dot = _BRACKETS.fullmatch(path), _DOT.fullmatch(path)
        match = brackets or dot
        if match is None:
            raise ConfigurationError(f"{path} is not the path of a plain key", where=uri)
        notations.add("brackets" if brackets else "dot")
        key = next(group for group in match.groups() if group)
        if key not in names:
            raise ConfigurationError(f"{path} is a key that no column of {source.staging.name} has", where=uri)
        if names[key] in columns:
            raise ConfigurationError(f"{path} stands there twice", where=uri)
        columns.append(names[key])
    if len(notations) > 1:
        raise ConfigurationError(
            "has paths in brackets and with dots, which Redshift does not take together", where=uri
        )
    if left := [key for key, name in names.items() if name not in columns]:
        raise ConfigurationError(f"has no path for {', '.join(left)}, which would become NULL", where=uri)
    return columns
