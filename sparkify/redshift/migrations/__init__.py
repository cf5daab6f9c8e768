"""Alembic on Redshift: migrations that Redshift can run, and autogenerate for keys, styles and encodings.

In ``env.py``::

    from sparkify.redshift import migrations, register

    register()
    context.configure(
        ...,
        transaction_per_migration=True,  # VARCHAR is widened outside a transaction
        autogenerate_plugins=migrations.autogenerate_plugins(),
    )

Importing this package gives migration scripts ``op.alter_distkey``, ``op.alter_diststyle``,
``op.alter_sortkey`` and ``op.alter_encode`` (which do nothing on another database), and replaces the Redshift
implementation that sqlalchemy-redshift registers with Alembic.
"""

from contextlib import suppress

from alembic.runtime.plugins import Plugin

from sparkify.redshift import alembic_plugin
from sparkify.redshift.migrations.impl import RedshiftImpl
from sparkify.redshift.migrations.operations import (
    AlterDistKeyOp,
    AlterDistStyleOp,
    AlterEncodeOp,
    AlterSortKeyOp,
)

__all__ = [
    "AlterDistKeyOp",
    "AlterDistStyleOp",
    "AlterEncodeOp",
    "AlterSortKeyOp",
    "RedshiftImpl",
    "autogenerate_plugins",
]


def autogenerate_plugins() -> list[str]:
    """What to pass to ``context.configure(autogenerate_plugins=)``: Alembic's own and this project's.

    Registers the plugin if the entry point has not (a checkout that is not installed).
    """
    # "A plugin named .. is already registered": Alembic has no way to check that beforehand.
    with suppress(ValueError):
        Plugin.setup_plugin_from_module(alembic_plugin, alembic_plugin.NAME)
    return ["alembic.autogenerate.*", alembic_plugin.NAME]
