"""Architecture guards: imports run one way, database names are compared in one place, and so on.

Each guard is also tested with a small package that it must reject.
"""

from __future__ import annotations

import ast
import importlib
import re
import textwrap
from pathlib import Path

import pytest

import sparkify
from sparkify import databases
from tests.support.guards import (
    circular,
    compared_names,
    environment_reads,
    external,
    import_directions,
    long_modules,
    room,
    unknown_rooms,
    untold_modules,
)
from tests.support.imports import Module, import_graph, read_package

MODULES = read_package(Path(sparkify.__file__).parent)

# Each room, from top to bottom, with the other rooms that it may import from.
MAY_IMPORT: dict[str, set[str]] = {
    "__main__": {"cli"},
    "sparkify": {"warehouse", "config", "etl", "_version"},  # its exports; no room imports from it
    "cli": {
        "report",
        "doctor",
        "provision",
        "generate",
        "warehouse",
        "analytics",
        "pipeline",
        "databases",
        "config",
        "etl",
        "_version",
    },
    "report": {"warehouse", "analytics", "databases", "models", "etl"},
    "doctor": {"provision", "warehouse", "pipeline", "databases", "config", "etl", "redshift"},
    "provision": {"pipeline", "config", "etl", "_version"},
    "generate": {"etl"},
    "warehouse": {"analytics", "pipeline", "databases", "models", "config", "etl", "redshift", "_version"},
    "analytics": {"databases", "models", "etl"},
    "pipeline": {"models", "etl"},
    "databases": {"config", "etl", "redshift"},
    "models": {"etl", "redshift"},
    "config": {"etl", "redshift", "_version"},
    "etl": set(),
    "redshift": set(),
    "_version": set(),
}

LONGEST = 300
LONG = {
    "sparkify.redshift.dialect": "one class, in which each repair of upstream's stands beside its defect",
    "sparkify.redshift.compilers": "the compilers, of which each overrides one of upstream's",
    "sparkify.redshift.copy": "COPY has forty options, each checked where it is declared",
    "sparkify.redshift.migrations.impl": "one class: what Alembic asks of an implementation",
    "sparkify.redshift.migrations.operations": "an operation each for DISTSTYLE, DISTKEY, SORTKEY and ENCODE",
    "sparkify.cli.cluster": "one group of commands, mostly declarations of options",
}
"""Modules that are longer, with the reason. A module that has become short leaves this table."""


def in_rooms(*names: str) -> list[Module]:
    return [module for name, module in MODULES.items() if room(name) in names]


# -- imports ---------------------------------------------------------------------------------------------------


def test_every_room_is_in_the_table() -> None:
    assert unknown_rooms(MODULES, MAY_IMPORT) == []


def test_table_of_rooms_runs_from_top_to_ground() -> None:
    order = list(MAY_IMPORT)
    up = [
        (name, other) for name in order for other in MAY_IMPORT[name] if order.index(other) < order.index(name)
    ]
    assert up == []


def test_imports_run_one_way() -> None:
    assert import_directions(MODULES, MAY_IMPORT) == []


def test_no_modules_import_one_another() -> None:
    assert circular(MODULES) == []


def test_registry_alone_imports_a_database() -> None:
    graph = import_graph(MODULES)
    found = [
        f"{name} imports {other}"
        for name, imported in graph.items()
        for other in imported
        for database in databases.names()
        if other.startswith(own := f"sparkify.databases.{database}")
        and not name.startswith(own)
        and name != "sparkify.databases"
    ]
    assert found == []


def test_etl_imports_no_database() -> None:
    assert external(in_rooms("etl"), databases.names()) == []


def test_etl_knows_no_table_of_sparkify() -> None:
    words = ("songplays", "staging_events", "NextSong", "sparkify.models", "userId")
    found = [
        (module.name, word) for module in in_rooms("etl") for word in words if word in module.path.read_text()
    ]
    assert found == []


# -- names of databases ----------------------------------------------------------------------------------------

NAMES_ARE_USED = {
    "sparkify.databases": "the registry",
    "sparkify.warehouse.dictionary": "prints the options of the models, which SQLAlchemy keeps by dialect",
}


def test_name_of_a_database_is_compared_in_the_registry_alone() -> None:
    others = [
        module for name, module in MODULES.items() if name not in NAMES_ARE_USED and room(name) != "redshift"
    ]
    assert compared_names(others, databases.names()) == []


@pytest.mark.parametrize("name", NAMES_ARE_USED)
def test_exception_for_names_is_still_one(name: str) -> None:
    assert compared_names([MODULES[name]], databases.names())


# -- modules ---------------------------------------------------------------------------------------------------


def test_modules_are_short_but_for_the_listed() -> None:
    assert sorted(long_modules(MODULES.values(), LONGEST)) == sorted(LONG)


def test_first_line_of_every_module_says_what_it_is() -> None:
    assert untold_modules(MODULES.values()) == []


def test_environment_is_read_in_config_alone() -> None:
    # NO_COLOR is read where colours are used: see https://no-color.org.
    others = [module for name, module in MODULES.items() if room(name) != "config"]
    assert environment_reads(others, allowed=["NO_COLOR"]) == []


EXPORTING = [name for name, module in MODULES.items() if re.search(r"^__all__\b.*=", module.text, re.MULTILINE)]


@pytest.mark.parametrize("name", EXPORTING)
def test_exported_names_are_there(name: str) -> None:
    found = importlib.import_module(name)
    assert [exported for exported in found.__all__ if not hasattr(found, exported)] == []


def test_public_packages_say_what_they_export() -> None:
    public = ("", ".models", ".redshift", ".generate", ".analytics", ".databases", ".pipeline", ".report")
    assert [
        name for name in public if not getattr(importlib.import_module(f"sparkify{name}"), "__all__", ())
    ] == []


def test_no_load_truncates_or_ignores_errors() -> None:
    """On Redshift TRUNCATE commits; on DuckDB ignore_errors makes rows of NULLs."""
    for module in in_rooms("etl", "databases", "pipeline", "warehouse"):
        code = ast.unparse(module.tree)
        assert "TRUNCATE TABLE" not in code, module.name
        assert "ignore_errors" not in code, module.name


# -- controls --------------------------------------------------------------------------------------------------


def package(folder: Path, **files: str) -> dict[str, Module]:
    """A package ``p`` of the rooms ``low``, ``mid`` and ``top``; ``low__one=`` is the text of p/low/one.py."""
    texts = {"__init__": "", "low____init__": "", "mid____init__": "", "top____init__": ""} | files
    for name, text in texts.items():
        *folders, stem = name.split("__", 1) if not name.startswith("__") else [name]
        path = folder / "p" / Path(*folders) / f"{stem}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return read_package(folder / "p")


ROOMS: dict[str, set[str]] = {"p": {"top"}, "top": {"mid", "low"}, "mid": {"low"}, "low": set()}

IMPORTS = {
    "import": "import p.mid.one",
    "import as": "import p.mid.one as x",
    "import of the room": "import p.mid",
    "from module": "from p.mid.one import name",
    "from room": "from p.mid import one",
    "from package": "from p import mid",
    "relative to the room": "from ..mid import one",
    "relative to the module": "from ..mid.one import name",
    "relative to the package": "from .. import mid",
    "in a function": "def f():\n    from p.mid import one",
    "for type checking": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from p.mid.one import name",
    "import_module": "import importlib\nimportlib.import_module('p.mid.one')",
    "import_module by its name": "from importlib import import_module as load\nload('p.mid.one')",
    "import_module relative": "from importlib import import_module\nimport_module('..mid.one', __package__)",
    "import_module of an f-string": "from importlib import import_module\nimport_module(f'p.mid.{x}')",
    "import_module of a sum": "from importlib import import_module\nimport_module('p.mid.' + x)",
    "import_module of a table": "from importlib import import_module\nT = ['p.mid.one']\nimport_module(T[0])",
    "__import__": "__import__('p.mid.one')",
}


@pytest.mark.parametrize("how", IMPORTS)
def test_guard_sees_import(how: str, tmp_path: Path) -> None:
    modules = package(tmp_path, low__one=IMPORTS[how], mid__one="name = 1")
    (found,) = import_directions(modules, ROOMS)
    assert found.startswith("p.low.one imports p.mid")


def test_guard_sees_import_from_a_table_of_the_package(tmp_path: Path) -> None:
    lazy = "from importlib import import_module\nT = {'a': 'one'}\nimport_module(f'{__name__}.{T[0]}')"
    modules = package(tmp_path, mid____init__=lazy, mid__one="from p.mid import name", low__one="")
    assert circular(modules) == ["p.mid <-> p.mid.one"]


def test_guard_allows_imports_of_the_table_and_of_others(tmp_path: Path) -> None:
    text = "import os, mid\nfrom p.low import one\nfrom . import two\nfrom mid import p"
    modules = package(tmp_path, top__one=text, top__two="", low__one="")
    assert import_directions(modules, ROOMS) == []


def test_guard_sees_room_without_a_line_and_line_without_a_room(tmp_path: Path) -> None:
    modules = package(tmp_path, attic__one="", cellar="")
    assert unknown_rooms(modules, ROOMS | {"garden": set()}) == ["attic", "cellar", "garden"]


@pytest.mark.parametrize("how", IMPORTS)
def test_guard_sees_circle(how: str, tmp_path: Path) -> None:
    back = "from p.low.one import other"
    modules = package(tmp_path, low__one=IMPORTS[how], mid__one=back, mid____init__=back)
    assert len(circular(modules)) == 1


def test_guard_sees_circle_within_a_room_and_through_three(tmp_path: Path) -> None:
    modules = package(
        tmp_path,
        low__one="from p.low import two",
        low__two="def f():\n    from .three import x",
        low__three="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import p.low.one",
        low__four="from p.low import one",
    )
    assert circular(modules) == ["p.low.one <-> p.low.three <-> p.low.two"]


@pytest.mark.parametrize(
    "text",
    ["import duckdb", "from sqlalchemy_redshift import dialect", "def f():\n    import_module('p.duckdb')"],
)
def test_guard_sees_a_database_imported(text: str, tmp_path: Path) -> None:
    assert len(external(package(tmp_path, low__one=text).values(), databases.names())) == 1


COMPARISONS = {
    "equal": "if url.name == 'duckdb': pass",
    "turned": "if 'redshift' != kind: pass",
    "among": "if kind in ('sqlite', 'redshift'): pass",
    "among a set": "if kind not in {'duckdb'}: pass",
    "match": "match kind:\n    case 'duckdb': pass",
    "match one of": "match kind:\n    case 'sqlite' | 'redshift': pass",
    "table": "engine = {'duckdb': 1, 'redshift': 2}[kind]",
    "lookup": "engine = engines['duckdb']",
    "get": "engine = engines.get('redshift')",
    "begin of a URL": "if url.startswith('duckdb:///'): pass",
    "backend": "kind = url.get_backend_name()",
    "dialect": "kind = engine.dialect.name",
    "dialect alone": "def f(dialect): return dialect.name",
    "driver": "kind = url.drivername",
}


@pytest.mark.parametrize("how", COMPARISONS)
def test_guard_sees_name_of_a_database_compared(how: str, tmp_path: Path) -> None:
    found = compared_names(package(tmp_path, low__one=COMPARISONS[how]).values(), databases.names())
    assert len(found) == 1
    assert found[0].startswith("p.low.one:")


@pytest.mark.parametrize(
    "text",
    [
        "@compiles(Key, 'duckdb')\ndef key(*_): pass",
        "name = 'redshift'",
        "client = aws.client('redshift')",
        "if name == 'redshift.amazonaws.com': pass",
        "if source.name == 'events': pass",
    ],
)
def test_guard_allows_name_of_a_database_that_decides_nothing(text: str, tmp_path: Path) -> None:
    assert compared_names(package(tmp_path, low__one=text).values(), databases.names()) == []


@pytest.mark.parametrize(
    "text",
    [
        "import os\nx = os.environ['HOME']",
        "import os\nx = os.environ.get('HOME', 'NO_COLOR')",
        "import os\nx = os.getenv('HOME')",
        "import os as system\nx = system.environ",
        "from os import environ",
    ],
)
def test_guard_sees_environment_read(text: str, tmp_path: Path) -> None:
    assert len(environment_reads(package(tmp_path, low__one=text).values(), allowed=["NO_COLOR"])) == 1


def test_guard_sees_long_module_and_module_that_does_not_say_what_it_is(tmp_path: Path) -> None:
    told = '"""The numbers that the rest adds up."""\n'
    modules = package(
        tmp_path, low__one=told + "x = 1\n" * 301, low__two=told + "x = 1\n" * 299, low__three='"""Low."""'
    )
    assert long_modules(modules.values(), LONGEST) == ["p.low.one"]
    assert {"p.low.one", "p.low.two"}.isdisjoint(untold_modules(modules.values()))
    assert "p.low.three" in untold_modules(modules.values())
