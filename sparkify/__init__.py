"""Load Sparkify's logs and song metadata into a star schema, on Amazon Redshift or an embedded DuckDB.

::

    from sparkify import Warehouse

    with Warehouse() as warehouse:
        warehouse.load()

Nothing happens at import: no file is read and no database library is imported until a name is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from sparkify._version import __version__

if TYPE_CHECKING:
    from sparkify.config.settings import Settings
    from sparkify.etl.errors import (
        ChangedFiles,
        ChecksFailed,
        ConfigurationError,
        DriftError,
        EmptySource,
        RejectedLines,
        SourceError,
        SparkifyError,
        TemporaryError,
    )
    from sparkify.etl.journal import FailedLoad
    from sparkify.etl.profiles import Drift
    from sparkify.etl.results import (
        CheckResult,
        LoadRecord,
        LoadReport,
        PruneReport,
        Reject,
        SourceReport,
        TableChange,
    )
    from sparkify.warehouse.facade import Warehouse
    from sparkify.warehouse.query import Query
    from sparkify.warehouse.sql import SqlQuery
    from sparkify.warehouse.status import Status

__all__ = [
    "ChangedFiles",
    "CheckResult",
    "ChecksFailed",
    "ConfigurationError",
    "Drift",
    "DriftError",
    "EmptySource",
    "FailedLoad",
    "LoadRecord",
    "LoadReport",
    "PruneReport",
    "Query",
    "Reject",
    "RejectedLines",
    "Settings",
    "SourceError",
    "SourceReport",
    "SparkifyError",
    "SqlQuery",
    "Status",
    "TableChange",
    "TemporaryError",
    "Warehouse",
    "__version__",
]

_HOMES = {
    "sparkify.etl.errors": (
        "ChangedFiles",
        "ChecksFailed",
        "ConfigurationError",
        "DriftError",
        "EmptySource",
        "RejectedLines",
        "SourceError",
        "SparkifyError",
        "TemporaryError",
    ),
    "sparkify.etl.journal": ("FailedLoad",),
    "sparkify.etl.profiles": ("Drift",),
    "sparkify.etl.results": (
        "CheckResult",
        "LoadRecord",
        "LoadReport",
        "PruneReport",
        "Reject",
        "SourceReport",
        "TableChange",
    ),
    "sparkify.warehouse.query": ("Query",),
    "sparkify.warehouse.sql": ("SqlQuery",),
    "sparkify.config.settings": ("Settings",),
    "sparkify.warehouse.status": ("Status",),
    "sparkify.warehouse.facade": ("Warehouse",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
