"""Guards for the source of a package. Each returns the violations that it finds, one line each.

A guard is a function of the modules, so that a test can pass it a package that it must reject.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping

from tests.support.imports import Module, circles, import_graph

__all__ = [
    "circular",
    "compared_names",
    "environment_reads",
    "external",
    "import_directions",
    "long_modules",
    "unknown_rooms",
    "untold_modules",
]


def room(name: str) -> str:
    """The room of a module: its folder, or its file, directly below the package; else the package."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def unknown_rooms(modules: Mapping[str, Module], table: Mapping[str, Collection[str]]) -> list[str]:
    """The rooms that are missing from the table, and the table's entries that are not rooms."""
    return sorted({room(name) for name in modules} ^ set(table))


def import_directions(modules: Mapping[str, Module], table: Mapping[str, Collection[str]]) -> list[str]:
    """The imports that the table does not allow."""
    return [
        f"{name} imports {imported}"
        for name, found in sorted(import_graph(modules).items())
        for imported in sorted(found)
        if room(imported) != room(name) and room(imported) not in table.get(room(name), ())
    ]


def circular(modules: Mapping[str, Module]) -> list[str]:
    """The import cycles."""
    return [" <-> ".join(circle) for circle in circles(import_graph(modules))]


def external(modules: Iterable[Module], words: Collection[str]) -> list[str]:
    """The imports, inside the package or not, whose name contains one of the words."""
    found = []
    for module in modules:
        for node in module.nodes:
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [f"{node.module or ''}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
                names = [ast.unparse(argument) for argument in node.args]
            found += [
                f"{module.name} imports {name}" for name in names if any(word in name.lower() for word in words)
            ]
    return found


# -- names of databases ------------------------------------------------------------------------------------


def compared_names(modules: Iterable[Module], databases: Collection[str]) -> list[str]:
    """The places where a database's name decides something.

    Either the name is compared, matched, looked up or a key, or an engine is asked for the name of its
    database, which code only does in order to compare it.
    """
    return [
        f"{module.name}:{node.lineno}: {ast.unparse(node)[:80]}"
        for module in modules
        for node in _decisions(module, databases)
    ]


def _decisions(module: Module, databases: Collection[str]) -> Iterator[ast.expr]:
    for node in module.nodes:
        if isinstance(node, ast.Compare):
            if any(_names_one(part, databases) for part in (node.left, *node.comparators)):
                yield node
        elif isinstance(node, ast.MatchValue):
            if _names_one(node.value, databases):
                yield node.value
        elif isinstance(node, ast.Subscript):
            if _names_one(node.slice, databases):
                yield node
        elif isinstance(node, ast.Dict):
            if any(key is not None and _names_one(key, databases) for key in node.keys):
                yield node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            asks = node.func.attr in ("get_backend_name", "get_dialect")
            looks = node.func.attr in ("get", "startswith", "endswith", "removeprefix")
            if asks or (looks and any(_names_one(part, databases, exact=False) for part in node.args)):
                yield node
        elif isinstance(node, ast.Attribute) and node.attr in ("name", "drivername"):
            of = ast.unparse(node.value).rpartition(".")[2]
            if node.attr == "drivername" or of.endswith("dialect"):
                yield node


def _names_one(node: ast.expr, databases: Collection[str], *, exact: bool = True) -> bool:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        begin = node.value.partition(":")[0].partition("+")[0]
        return node.value in databases if exact else begin in databases
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(_names_one(part, databases, exact=exact) for part in node.elts)
    if isinstance(node, ast.Dict):
        return any(key is not None and _names_one(key, databases, exact=exact) for key in node.keys)
    return False


# -- modules -------------------------------------------------------------------------------------------------


def long_modules(modules: Iterable[Module], lines: int) -> list[str]:
    """The modules that have more than ``lines`` lines."""
    return [
        module.name for module in modules if len(module.path.read_text(encoding="utf-8").splitlines()) > lines
    ]


def untold_modules(modules: Iterable[Module]) -> list[str]:
    """The modules whose docstring has no first line, or a too short one."""
    return [
        module.name
        for module in modules
        if len((ast.get_docstring(module.tree) or "").partition("\n")[0]) <= 20
    ]


def environment_reads(modules: Iterable[Module], allowed: Collection[str] = ()) -> list[str]:
    """The places where environment variables are read, except the allowed ones."""
    return [
        f"{module.name}:{node.lineno}: {ast.unparse(node)}"
        for module in modules
        for node in _environment(module, allowed)
    ]


def _environment(module: Module, allowed: Collection[str]) -> Iterator[ast.expr | ast.stmt]:
    fine: set[int] = set()
    for node in module.nodes:
        if isinstance(node, ast.Call):
            named = [part.value for part in node.args if isinstance(part, ast.Constant)]
            if named and named[0] in allowed:
                fine |= {id(part) for part in ast.walk(node.func)}
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "getenvb"):
            if id(node) not in fine:
                yield node
        elif (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and any("env" in alias.name for alias in node.names)
        ):
            yield node
