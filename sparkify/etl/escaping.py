"""Makes text that comes from outside safe to print: no control sequence, and no change of direction."""

from __future__ import annotations

import re

__all__ = ["escape_controls", "escape_json", "escape_line"]

# C0 without tab and newline, DEL, C1; separators of lines and paragraphs; marks, overrides and isolates of
# direction; the byte order mark; halves of surrogates, which no encoding has.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def escape_controls(text: str) -> str:
    r"""The text with what would act on a terminal written as ``\xNN`` or ``\uNNNN``; tabs and newlines stay.

    >>> escape_controls("a\x1b[2Jb\u202ec\n")
    'a\\x1b[2Jb\\u202ec\n'
    """
    return _CONTROL.sub(_escaped, text)


def escape_line(text: str) -> str:
    r"""As :func:`escape_controls`, of what is one line: a newline in it is escaped too.

    >>> escape_line("a\nerror: b")
    'a\\nerror: b'
    """
    return escape_controls(text).replace("\n", "\\n")


def escape_json(text: str) -> str:
    """A text of JSON that means the same, with what would act on a terminal written as an escape of JSON.

    >>> escape_json('{"a": "\u202e"}') == '{"a": "' + chr(92) + 'u202e"}'
    True
    """
    return _JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code == 0x0D:
        return "\\r"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
