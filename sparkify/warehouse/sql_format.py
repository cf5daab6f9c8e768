"""Formats SQL for reading: one clause per line, indented by the depth of its SELECT.

Only whitespace between tokens changes. Quoted text stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

__all__ = ["format_sql"]

_WIDTH = 100
_INDENT = "    "
_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\w+|\s+|.""", re.DOTALL)
_CLAUSE = re.compile(
    "WITH|SELECT DISTINCT|SELECT|FROM|(?:LEFT OUTER |INNER )?JOIN"
    "|WHERE|GROUP BY|HAVING|ORDER BY|LIMIT|UNION ALL"
)
_SUBQUERY = ("SELECT", "SELECT DISTINCT", "WITH")

# A token, or the contents of a pair of parentheses.
_Node: TypeAlias = "str | list[_Node]"


def format_sql(sql: str) -> str:
    """The statement with each clause of each SELECT on its own line, and each item of a long list too."""
    return "\n".join(_select(_tree(_tokens(sql)), ""))


def _tokens(sql: str) -> Iterator[str]:
    """The tokens. The words of a clause form one token; a run of whitespace becomes a single space."""
    words = [match.group() for match in _TOKEN.finditer(sql.strip())]
    position = 0
    while position < len(words):
        if words[position].isspace():
            yield " "
        elif clause := _CLAUSE.match(re.sub(r"\s+", " ", "".join(words[position : position + 5]))):
            keywords = clause.group()
            # WITHIN begins with WITH.
            if words[position] == keywords.split()[0]:
                yield keywords
                position += 2 * len(keywords.split()) - 1
                continue
            yield words[position]
        else:
            yield words[position]
        position += 1


def _tree(words: Iterator[str]) -> list[_Node]:
    nodes: list[_Node] = []
    for word in words:
        if word == ")":
            break
        nodes.append(_tree(words) if word == "(" else word)
    while nodes and nodes[-1] == " ":
        nodes.pop()
    return nodes[1:] if nodes and nodes[0] == " " else nodes


def _select(nodes: list[_Node], indent: str) -> Iterator[str]:
    for clause in _clauses(nodes):
        head, items = clause[0], _items(clause[1:])
        if head == "WITH":
            # Each common table expression ends in its own SELECT; the next one follows its closing parenthesis.
            yield f"{indent}WITH {f'{chr(10)}{indent}'.join(_text(item, indent) for item in items)}"
            continue
        text = _text(clause, indent)
        if len(items) == 1 or ("\n" not in text and len(text) <= _WIDTH):
            yield indent + text
            continue
        yield f"{indent}{head}"
        for item in items:
            yield indent + _INDENT + _text(item, indent + _INDENT)


def _clauses(nodes: list[_Node]) -> Iterator[list[_Node]]:
    clause: list[_Node] = []
    for node in nodes:
        if isinstance(node, str) and _CLAUSE.fullmatch(node) and clause:
            yield clause
            clause = []
        clause.append(node)
    yield clause


def _items(nodes: list[_Node]) -> list[list[_Node]]:
    """The items of a list, each with its trailing comma; conditions, each with its leading AND."""
    items: list[list[_Node]] = [[]]
    for node in nodes:
        if node == "AND":
            items.append([])
        items[-1].append(node)
        if node == ",":
            items.append([])
    return items


def _text(nodes: list[_Node], indent: str) -> str:
    parts: list[str] = []
    for node in nodes:
        if isinstance(node, str):
            parts.append(node)
        elif node and node[0] in _SUBQUERY:
            inner = "\n".join(_select(node, indent + _INDENT))
            parts.append(f"(\n{inner}\n{indent})")
        else:
            parts.append(f"({_text(node, indent)})")
    return "".join(parts).strip()
