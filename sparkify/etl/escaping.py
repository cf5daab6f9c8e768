"""Makes text from outside safe to print: no control sequences, and no changes of text direction."""

from __future__ import annotations

import re

__all__ = ["escape_controls", "escape_json", "escape_line"]

# C0 without tab and newline, DEL, C1; line and paragraph separators; marks, embeddings, overrides and isolates
# of direction; the byte order mark; lone surrogates, which no encoding has.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def escape_controls(text: str) -> str:
    r"""The text with what would control a terminal escaped as ``\xNN`` or ``\uNNNN``; tabs and newlines stay.

    >>> escape_controls("a\x1b[2Jb\u202ec\n")
    'a\\x1b[2Jb\\u202ec\n'
    """
    return _CONTROL.sub(_escaped, text)


def escape_line(text: str) -> str:
    r"""As :func:`escape_controls`, for text on one line: newlines are escaped too.

    >>> escape_line("a\nerror: b")
    'a\\nerror: b'
    """
    return escape_controls(text).replace("\n", "\\n")


def escape_json(text: str) -> str:
    """Equivalent JSON text, with whatever would control a terminal written as a JSON escape.

    >>> escape_json('{"a": "\u202e"}') == '{"a": "' + chr(92) + 'u202e"}'
    True
    """
    return _JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code == 0x0D:
        return "\\r"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
