"""Find and read the file ``dwh.cfg``, and write options into it, leaving everything else unchanged.

It is an INI file as its users write it: values may be quoted, ``%`` is an ordinary character, names of sections
and options are case-insensitive, and a comment after a value begins with a blank and ``#`` or ``;``. A section
may be repeated; an option within it may not, because it would be unclear which value is meant.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sparkify.etl.errors import ConfigurationError
from sparkify.etl.files import atomic_write

__all__ = ["DEFAULT_FILE", "config_file", "edited", "read_values", "use_config_file", "write_values"]

DEFAULT_FILE = "dwh.cfg"

_SECTION = re.compile(r"\[(?P<name>[^]]+)\]")
_OPTION = re.compile(r"(?P<name>[^\s=:#;\[][^=:]*?)(?P<equals>\s*[=:]\s*)(?P<value>.*)")
_VALUE = re.compile(
    r"""(?P<quote>['"])(?P<quoted>.*?)(?P=quote)(?P<after>\s+[#;].*)?|(?P<plain>.*?)(?P<comment>\s+[#;].*)?""",
    re.DOTALL,
)
_AGAIN = "\0"
"""Follows the name of a repeated section, before the number of its line."""
_COMMENTED = re.compile(r"[#;]\s*(?P<name>[^\s=:]+)\s*[=:]")

Values = Mapping[tuple[str, str], str]
"""Values by section, in upper case, and option."""


def config_file() -> Path:
    """The file to read: the one that ``SPARKIFY_CONFIG`` names, else ``dwh.cfg`` in the working directory."""
    return Path(os.environ.get("SPARKIFY_CONFIG") or DEFAULT_FILE)


def use_config_file(path: str) -> None:
    """Make this process, and those that it starts, read this file."""
    os.environ["SPARKIFY_CONFIG"] = path


def read_values(path: Path) -> Values:
    """The values in the file, by section and option. A missing file has none, unless it was asked for by name.

    :raises ConfigurationError: if it cannot be read or understood. The message quotes no line of the file.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if os.environ.get("SPARKIFY_CONFIG"):
            raise ConfigurationError(
                "there is no such file", where=str(path), hint="--config or SPARKIFY_CONFIG names it."
            ) from None
        return {}
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"cannot be read ({_reason(exc)})", where=str(path)) from None
    found: dict[tuple[str, str], str] = {}
    try:
        for section, option, value in _options(text):
            if (section, option) in found:
                raise _given_twice(path, text, section, option)
            found[section, option] = _value(value).text
    except configparser.DuplicateOptionError as exc:
        raise _given_twice(path, text, exc.section.partition(_AGAIN)[0], exc.option) from None
    except configparser.MissingSectionHeaderError as exc:
        raise ConfigurationError(
            "an option stands before the first [SECTION]", where=f"{path}, line {exc.lineno}"
        ) from None
    except configparser.ParsingError as exc:
        # The exception's own text quotes the line, which may hold a password.
        numbers = ", ".join(str(number) for number, _ in exc.errors)
        raise ConfigurationError("is not of the form NAME = value", where=f"{path}, line {numbers}") from None
    return found


def _options(text: str) -> Iterator[tuple[str, str, str]]:
    """The section in upper case, the name and the value as written of each option.

    :raises configparser.Error: if it cannot be understood, or a section has an option twice.
    """
    lines = text.split("\n")
    while True:
        parser = configparser.RawConfigParser()
        try:
            parser.read_string("\n".join(lines))
            break
        except configparser.DuplicateSectionError as exc:
            # A strict parser rejects a repeated section; a lenient one accepts repeated options as well.
            assert exc.lineno is not None  # noqa: S101, PT017 - it has been read from a text
            lines[exc.lineno - 1] = f"[{exc.section}{_AGAIN}{exc.lineno}]"
    seen: set[str] = set()
    for name in parser.sections():
        section = name.partition(_AGAIN)[0].upper()
        for option, value in parser.items(name):
            # The options of [DEFAULT] appear in each section.
            if section not in seen or option not in parser.defaults():
                yield section, option, value
        seen.add(section)


def _given_twice(path: Path, text: str, section: str, option: str) -> ConfigurationError:
    numbers = [str(number + 1) for number in _places(text.split("\n"), section, option).options]
    return ConfigurationError(
        f"[{section}] {option.upper()} is given more than once",
        where=f"{path}, lines {' and '.join(numbers)}" if len(numbers) > 1 else str(path),
        hint="Remove all but one.",
    )


class _Value(NamedTuple):
    """A value as it is written.

    :ivar quote: the quotation mark around it, or an empty string.
    :ivar comment: the comment after it, with the blanks in between.
    """

    quote: str
    text: str
    comment: str


def _value(text: str) -> _Value:
    found = _VALUE.fullmatch(text.strip())
    assert found  # noqa: S101 - the second form takes everything
    if found["quote"]:
        return _Value(found["quote"], found["quoted"], found["after"] or "")
    return _Value("", found["plain"], found["comment"] or "")


def write_values(path: Path, values: Values) -> bool:
    """Set options, by section and name, and let only the owner read the file. Returns whether it changed.

    A missing file is created. A link stays a link, and its target is written.

    :raises ConfigurationError: if it cannot be read or written; then it is unchanged.
    """
    # Not Path.resolve(), which raises RuntimeError for a link to itself before Python 3.13.
    target = Path(os.path.realpath(path))
    try:
        raw = target.read_bytes() if target.exists() else b""
        before = raw.decode("utf-8")
        after = edited(before, values)
        if after == before:
            if raw:
                target.chmod(0o600)
            return False
        _replace(target, after.encode("utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(
            f"cannot be written ({_reason(exc)})",
            where=str(path),
            details=[f"[{section}] {option} = {value}" for (section, option), value in values.items()],
            hint="Set these yourself.",
        ) from None
    return True


def _reason(error: OSError | UnicodeDecodeError) -> str:
    # The exception's own text may contain bytes of the file.
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else "it is not UTF-8"


def _replace(target: Path, content: bytes) -> None:
    with atomic_write(target) as new:
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())


def edited(text: str, values: Values) -> str:
    """The text with these options set, and everything else unchanged: comments, order, quotes, line endings.

    >>> text = "[CLUSTER]\\n# where it is\\nHOST = 'old'\\nDB_NAME = dwh\\n"
    >>> print(edited(text, {("CLUSTER", "HOST"): "new"}), end="")
    [CLUSTER]
    # where it is
    HOST = 'new'
    DB_NAME = dwh
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(newline)
    for (section, option), value in values.items():
        _set(lines, section, option, value)
    return newline.join(lines)


def _set(lines: list[str], section: str, option: str, value: str) -> None:
    place = _places(lines, section, option)
    if place.options:
        # If there are several, the last one counts.
        number = place.options[-1]
        match = _OPTION.match(lines[number])
        assert match  # noqa: S101 - it is in the list because it matches
        name, equals = match["name"], match["equals"]
        quote, _, comment = _value(match["value"])
        if equals[0].isspace() and not equals[-1].isspace():
            equals += " "
        # Without a value, the comment would be read as one.
        comment = comment if quote or value else ""
        lines[number] = f"{name}{equals}{quote}{value}{quote}{comment}".rstrip()
        _drop_continuation(lines, number)
    elif not value:
        return
    elif place.commented is not None:
        lines.insert(place.commented + 1, f"{option} = {value}")
    elif place.end is not None:
        lines.insert(place.end, f"{option} = {value}")
    else:
        while lines and not lines[-1].strip():
            lines.pop()
        if lines:
            lines.append("")
        lines.extend([f"[{section}]", f"{option} = {value}", ""])


class _Places:
    """The lines where an option is, or could be.

    :ivar commented: the last comment that shows the option.
    :ivar end: the line after the last one of the section.
    """

    def __init__(self) -> None:
        self.options: list[int] = []
        self.commented: int | None = None
        self.end: int | None = None


def _places(lines: Sequence[str], section: str, option: str) -> _Places:
    found = _Places()
    inside = False
    for number, line in enumerate(lines):
        text = line.lstrip("\ufeff")
        if match := _SECTION.match(text):
            inside = match["name"].strip().upper() == section.upper()
            if inside:
                found.end = number + 1
            continue
        if not inside:
            continue
        if text.strip():
            found.end = number + 1
        if match := _OPTION.match(text):
            if match["name"].strip().upper() == option.upper():
                found.options.append(number)
        elif (match := _COMMENTED.match(text)) and match["name"].upper() == option.upper():
            found.commented = number
    return found


def _drop_continuation(lines: list[str], number: int) -> None:
    """Remove the continuation lines of the old value: the indented lines after it."""
    while number + 1 < len(lines) and lines[number + 1][:1] in (" ", "\t") and lines[number + 1].strip():
        del lines[number + 1]
