"""Split SQL text into tokens that know their position, so that a rewrite changes nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .errors import RedshiftError, syntax_error

_PATTERN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|/\*.*?\*/)
  | (?P<string>[eE]?'(?:[^'\\]|\\.|'')*')      # a backslash escapes, as in PostgreSQL 8.0 and Redshift
  | (?P<dollar>\$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$)
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<param>\$\d+)
  | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
  | (?P<word>[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_$\u0080-\U0010ffff]*)
  | (?P<op>::|\|\||<=|>=|<>|!=|!~~\*|!~~|!~\*|!~|~~\*|~~|~\*|->>|->|@>|<@|:=|[-+*/%^<>=~!@#&|?.,;:()\[\]])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class Token:
    """One word, name, literal or operator, with its position in the text.

    A statement has thousands, and each is tested often. Not a dataclass: a frozen one takes three times as
    long to create.

    :ivar upper: the token in capitals; a quoted name keeps its quotes, and so equals no keyword.
    """

    __slots__ = ("end", "kind", "start", "text", "upper")

    def __init__(self, kind: str, text: str, start: int, end: int) -> None:
        self.kind = kind
        self.text = text
        self.start = start
        self.end = end
        self.upper = text.upper()

    def is_word(self, *words: str) -> bool:
        """Whether this is one of the given words (in capitals), unquoted."""
        return self.kind == "word" and self.upper in words

    @property
    def is_name(self) -> bool:
        """Whether this can be an identifier."""
        return self.kind in ("word", "quoted")

    @property
    def name(self) -> str:
        """The identifier as Redshift folds it: in lower case unless quoted."""
        if self.kind == "quoted":
            return self.text[1:-1].replace('""', '"').lower()
        return self.text.lower()

    @property
    def value(self) -> str:
        """The text that a string literal stands for."""
        if self.kind == "dollar":
            return self.text.split("$", 2)[2].rsplit("$", 2)[0]
        body = self.text[self.text.index("'") + 1 : -1].replace("''", "'")
        return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), body, flags=re.DOTALL)


def tokenize(sql: str) -> list[Token]:
    """The tokens of a statement, without space and comments.

    :raises RedshiftError: 42601 for a character that cannot start a token.
    """
    tokens: list[Token] = []
    position = 0
    for match in _PATTERN.finditer(sql):
        start, end = match.span()
        if start != position:
            break
        position = end
        kind = match.lastgroup or ""
        if kind != "space":
            tokens.append(Token("dollar" if kind == "tag" else kind, match[0], start, end))
    if position < len(sql):
        if sql[position] in "'\"":
            raise RedshiftError("42601", f'unterminated quoted string at or near "{sql[position:]}"')
        raise syntax_error(sql[position])
    return tokens


def closing(tokens: Sequence[Token], opening: int) -> int:
    """The index of the bracket that closes the one at ``opening``."""
    depth = 0
    for index in range(opening, len(tokens)):
        text = tokens[index].text
        if tokens[index].kind == "op":
            if text in ("(", "["):
                depth += 1
            elif text in (")", "]"):
                depth -= 1
                if depth == 0:
                    return index
    raise RedshiftError("42601", "syntax error at end of input")


def split_commas(tokens: Sequence[Token], start: int, end: int) -> list[tuple[int, int]]:
    """The ranges between the outermost commas of ``tokens[start:end]``."""
    parts: list[tuple[int, int]] = []
    depth = 0
    begin = start
    for index in range(start, end):
        text = tokens[index].text
        if tokens[index].kind != "op":
            continue
        if text in "([":
            depth += 1
        elif text in ")]":
            depth -= 1
        elif text == "," and depth == 0:
            parts.append((begin, index))
            begin = index + 1
    if begin < end or parts:
        parts.append((begin, end))
    return parts


class Cursor:
    """Reads tokens in order: the common part of the parsers of DDL, COPY and MERGE."""

    def __init__(self, sql: str, tokens: Sequence[Token] | None = None) -> None:
        self.sql = sql
        self.tokens = list(tokenize(sql)) if tokens is None else list(tokens)
        if self.tokens and self.tokens[-1].text == ";":
            self.tokens.pop()
        self.at = 0

    @property
    def done(self) -> bool:
        """Whether every token has been read."""
        return self.at >= len(self.tokens)

    def peek(self, ahead: int = 0) -> Token | None:
        """The next token, or the one ``ahead`` of it; None at the end."""
        index = self.at + ahead
        return self.tokens[index] if index < len(self.tokens) else None

    def sees(self, *words: str) -> bool:
        """Whether the next tokens are these keywords or operators."""
        for ahead, word in enumerate(words):
            token = self.peek(ahead)
            if token is None or token.kind not in ("word", "op") or token.upper != word:
                return False
        return True

    def accept(self, *words: str) -> bool:
        """Read these keywords if they come next."""
        if not self.sees(*words):
            return False
        self.at += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Read these keywords, which must come next."""
        for word in words:
            if not self.accept(word):
                raise self.unexpected()

    def next(self) -> Token:
        """Read a token."""
        token = self.peek()
        if token is None:
            raise self.unexpected()
        self.at += 1
        return token

    def name(self) -> str:
        """Read an identifier."""
        token = self.peek()
        if token is None or not token.is_name:
            raise self.unexpected()
        self.at += 1
        return token.name

    def qualified_name(self) -> tuple[str, ...]:
        """Read ``name`` or ``schema.name``."""
        parts = [self.name()]
        while self.accept("."):
            parts.append(self.name())
        return tuple(parts)

    def string(self) -> str:
        """Read a string literal."""
        token = self.peek()
        if token is None or token.kind not in ("string", "dollar"):
            raise self.unexpected()
        self.at += 1
        return token.value

    def integer(self) -> int:
        """Read a whole number with an optional sign."""
        sign = -1 if self.accept("-") else 1
        token = self.peek()
        if token is None or token.kind != "number" or not token.text.isdigit():
            raise self.unexpected()
        self.at += 1
        return sign * int(token.text)

    def names(self) -> list[str]:
        """Read ``(name, name, ...)``."""
        self.expect("(")
        found = [self.name()]
        while self.accept(","):
            found.append(self.name())
        self.expect(")")
        return found

    def skip_brackets(self) -> tuple[int, int]:
        """Read ``( ... )``. Returns the range of the tokens inside."""
        if not self.sees("("):
            raise self.unexpected()
        end = closing(self.tokens, self.at)
        inside = (self.at + 1, end)
        self.at = end + 1
        return inside

    def text(self, start: int, end: int) -> str:
        """The source text of ``tokens[start:end]``."""
        if start >= end:
            return ""
        return self.sql[self.tokens[start].start : self.tokens[end - 1].end]

    def finish(self) -> None:
        """Check that nothing follows."""
        if not self.done:
            raise self.unexpected()

    def unexpected(self) -> RedshiftError:
        """The syntax error for the next token."""
        token = self.peek()
        if token is None:
            return RedshiftError("42601", "syntax error at end of input")
        return syntax_error(token.text)


def quote(name: str) -> str:
    """The name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def quote_path(parts: Iterable[str]) -> str:
    """A qualified name in double quotes."""
    return ".".join(quote(part) for part in parts)


def literal(value: object) -> str:
    """A literal that PostgreSQL reads as this value, whatever it does with backslashes."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("'", "''")
    if "\\" in text:
        return " E'" + text.replace("\\", "\\\\") + "'"
    return f"'{text}'"
