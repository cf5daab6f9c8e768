"""The imports of a package as a graph, read from its source without importing it."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

__all__ = ["Module", "circles", "import_graph", "imports", "read_package"]


@dataclass(frozen=True)
class Module:
    """One module, by its full name."""

    name: str
    path: Path

    @cached_property
    def text(self) -> str:
        """Its source."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """Its source, parsed when it is asked for."""
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of its tree; to walk it takes longer than to parse it."""
        return tuple(ast.walk(self.tree))

    @property
    def package(self) -> str:
        """The package that its relative imports start from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


def read_package(folder: Path) -> dict[str, Module]:
    """Every module of the package in a folder, by its full name. The package is called as the folder is."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path)
    return found


def import_graph(modules: Mapping[str, Module]) -> dict[str, set[str]]:
    """For each module, those of the same package that it imports."""
    return {name: imports(module, modules) for name, module in modules.items()}


def imports(module: Module, modules: Collection[str]) -> set[str]:
    """The modules of the package that a module imports: at its head, in functions, for type checking, by
    ``import_module``, and by the names in a table from which it imports when it is asked for a name.

    That Python runs the ``__init__`` of every package above an imported module is not counted: those come
    first, whoever asks. What is imported *from* a package is.
    """
    found: set[str] = set()
    for node in module.nodes:
        if isinstance(node, ast.Import):
            found |= {name for alias in node.names if (name := _nearest(alias.name, modules))}
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node.module or "", node.level, module.package)
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                found |= {name for name in [whole if whole in modules else _nearest(base, modules)] if name}
    found |= set(_computed(module, modules))
    return found - {module.name}


def _absolute(name: str, level: int, package: str) -> str:
    if level == 0:
        return name
    above = package.split(".")[: len(package.split(".")) - level + 1]
    return ".".join([*above, name] if name else above)


def _nearest(name: str, modules: Collection[str]) -> str | None:
    """The module of that name, or the one that a name in it is looked up in."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None


def _computed(module: Module, modules: Collection[str]) -> Iterator[str]:
    """What is imported by a call, whose argument may be put together when it runs."""
    table = False
    for call in _import_calls(module):
        if not call.args:
            continue
        pattern = _pattern(call.args[0], module)
        if pattern is None:
            table = True
            continue
        for name in modules:
            if re.fullmatch(pattern, name):
                yield name
        if dots := re.match(r"(\\\.)+", pattern):
            level = len(dots[0]) // 2
            base = re.escape(_absolute("", level, module.package) + ".")
            yield from (name for name in modules if re.fullmatch(base + pattern[len(dots[0]) :], name))
    if table:
        # The name comes from a table: each name of a module that is written in this one counts.
        for node in module.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts = (node.value, f"{module.package}.{node.value.removeprefix('.')}")
                yield from (text for text in texts if text in modules and "." in text)


def _import_calls(module: Module) -> Iterator[ast.Call]:
    names = {"__import__"}
    for node in module.nodes:
        if isinstance(node, ast.ImportFrom) and node.module == "importlib":
            names |= {alias.asname or alias.name for alias in node.names if alias.name == "import_module"}
    for node in module.nodes:
        if isinstance(node, ast.Call):
            called = node.func
            if (isinstance(called, ast.Name) and called.id in names) or (
                isinstance(called, ast.Attribute) and called.attr in ("import_module", "__import__")
            ):
                yield node


def _pattern(argument: ast.expr, module: Module) -> str | None:
    """A regular expression of the names that an argument may be; None when nothing of it is written there."""
    if isinstance(argument, ast.Constant):
        return re.escape(str(argument.value))
    if isinstance(argument, ast.Name) and argument.id == "__name__":
        return re.escape(module.name)
    if isinstance(argument, ast.BinOp) and isinstance(argument.op, ast.Add):
        left, right = _pattern(argument.left, module), _pattern(argument.right, module)
        return None if left is None and right is None else f"{left or '.+'}{right or '.+'}"
    if isinstance(argument, ast.JoinedStr):
        parts = [
            _pattern(part.value if isinstance(part, ast.FormattedValue) else part, module)
            for part in argument.values
        ]
        return None if all(part is None for part in parts) else "".join(part or r".+" for part in parts)
    return None


def circles(graph: Mapping[str, Collection[str]]) -> list[list[str]]:
    """Each set of modules that import one another, directly or through others, sorted."""
    reach = {name: _reachable(name, graph) for name in graph}
    found = {tuple(sorted(other for other in reach[name] if name in reach[other])) for name in graph}
    return [list(circle) for circle in sorted(found) if circle]


def _reachable(start: str, graph: Mapping[str, Collection[str]]) -> set[str]:
    seen: set[str] = set()
    ahead = list(graph[start])
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += graph.get(name, ())
    return seen
