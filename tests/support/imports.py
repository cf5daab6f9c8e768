"""The import graph of a package, read from its source without importing it."""

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
        """Its source, parsed on first access."""
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of its tree, cached because walking it takes longer than parsing it."""
        return tuple(ast.walk(self.tree))

    @property
    def package(self) -> str:
        """The package that its relative imports start from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


def read_package(folder: Path) -> dict[str, Module]:
    """Every module of the package in a folder, by its full name. The package has the name of the folder."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path)
    return found


def import_graph(modules: Mapping[str, Module]) -> dict[str, set[str]]:
    """The modules of the same package that each module imports."""
    return {name: imports(module, modules) for name, module in modules.items()}


def imports(module: Module, modules: Collection[str]) -> set[str]:
    """The modules of the package that a module imports.

    Covers imports at the top, in functions, for type checking, by ``import_module``, and from a table of names
    that are imported lazily. Importing *from* a package counts; running the ``__init__`` of every package above
    an imported module does not, because Python does that for every importer.
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
    """The module of that name, or the closest module above it."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None


def _computed(module: Module, modules: Collection[str]) -> Iterator[str]:
    """The modules imported by a call, whose argument may be computed at run time."""
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
        # The name comes from a table: count every string in this module that names a module.
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
    """A regular expression for the possible values of an argument; None if no part of it is a literal."""
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
