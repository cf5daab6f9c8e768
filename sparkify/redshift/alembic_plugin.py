"""The Alembic plugin: what ``autogenerate`` compares on Redshift beyond Alembic's own.

Alembic imports this module while it is itself being imported, because the entry point group
``alembic.plugins`` names it. So this module imports only what Alembic has loaded by then, and the comparisons
are imported when they are needed.

A plugin outside Alembic's own name space takes part only when ``env.py`` names it; see
:func:`sparkify.redshift.migrations.autogenerate_plugins`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic.util import DispatchPriority, PriorityDispatchResult

if TYPE_CHECKING:
    from alembic.runtime.plugins import Plugin

#: The name under which the plugin is registered and requested.
NAME = "sparkify.redshift"


def setup(plugin: Plugin) -> None:
    """Register the comparators; Alembic's hook."""
    plugin.add_autogenerate_comparator(_compare_table, "table", "redshift_attributes", qualifier="redshift")
    plugin.add_autogenerate_comparator(
        _compare_identity,
        "column",
        # The group of Alembic's own comparators of defaults: STOP keeps an identity from them.
        "server_default",
        qualifier="redshift",
        priority=DispatchPriority.FIRST,
    )


def _compare_table(*arguments: Any) -> PriorityDispatchResult:
    from sparkify.redshift.migrations.compare import compare_table

    compare_table(*arguments)
    return PriorityDispatchResult.CONTINUE


def _compare_identity(*arguments: Any) -> PriorityDispatchResult:
    from sparkify.redshift.migrations.compare import compare_identity

    return PriorityDispatchResult.STOP if compare_identity(*arguments) else PriorityDispatchResult.CONTINUE
