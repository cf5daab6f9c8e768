"""What Redshift has and has not, for SQLAlchemy's suite: each word with its reason.

SQLAlchemy's own defaults hold for what is not named. Pages are those of the Amazon Redshift Database Developer
Guide.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.testing import exclusions
from sqlalchemy.testing.requirements import SuiteRequirements

#: What SQLAlchemy takes for absent unless told otherwise.
HAS: Final = {
    "aggregate_order_by": "LISTAGG(..) WITHIN GROUP (ORDER BY ..)",
    "autocommit": "a statement outside BEGIN .. END commits",
    "boolean_col_expressions": "type BOOLEAN",
    "create_or_replace_view": "page CREATE VIEW",
    "create_table_as": "page CREATE TABLE AS",
    "create_temp_table_as": "page CREATE TABLE AS",
    "cross_schema_fk_reflection": "page CREATE TABLE: REFERENCES schema.table",
    "ctes": "page WITH clause",
    "ctes_with_update_delete": "pages UPDATE and DELETE: [ WITH .. ] before the statement",
    "date_historic": "page Datetime types: 4713 BC to 294276 AD",
    "datetime_historic": "page Datetime types: 4713 BC to 294276 AD",
    "datetime_literals": "page Date, time, and timestamp literals",
    "datetime_timezone": "TIMESTAMPTZ",
    "default_schema_name_switch": "page search_path",
    "delete_from": "page DELETE: USING",
    "except_": "page UNION, INTERSECT, and EXCEPT",
    "expression_server_defaults": "page CREATE TABLE: DEFAULT takes any variable-free expression",
    "foreign_key_constraint_name_reflection": "page CREATE TABLE: CONSTRAINT constraint_name",
    "implicit_default_schema": "page search_path",
    "infinity_floats": "DOUBLE PRECISION",
    "intersect": "page UNION, INTERSECT, and EXCEPT",
    "mod_operator_as_percent_sign": "page Mathematical operator symbols",
    "nullsordering": "page ORDER BY clause: NULLS FIRST | NULLS LAST",
    "percent_schema_names": "page Names and identifiers: delimited identifiers",
    "precision_numerics_enotation_small": "NUMERIC with 38 digits",
    "precision_numerics_many_significant_digits": "NUMERIC with 38 digits",
    "precision_numerics_retains_significant_digits": "NUMERIC with 38 digits",
    "reflect_table_options": "DISTSTYLE and the keys",
    "reflects_pk_names": "page CREATE TABLE: CONSTRAINT constraint_name",
    "regexp_match": "page POSIX operators: ~",
    "regexp_replace": "page REGEXP_REPLACE",
    "schema_create_delete": "page CREATE SCHEMA",
    "server_defaults": "page CREATE TABLE: DEFAULT",
    "supports_bitwise_and": "page Mathematical operator symbols: &",
    "supports_bitwise_shift": "page Mathematical operator symbols: << and >>",
    "table_ddl_if_exists": "page CREATE TABLE: IF NOT EXISTS",
    "time_timezone": "TIMETZ",
    "tuple_in": "page IN condition: sets of expressions in parentheses",
    "unicode_ddl": "page Names and identifiers: UTF-8 of up to four bytes",
    "update_from": "page UPDATE: FROM",
    "views": "page CREATE VIEW",
    "window_functions": "page Window functions",
}

#: What SQLAlchemy takes for present unless told otherwise.
LACKS: Final = {
    "autoincrement_insert": "IDENTITY is a column's own clause, not what an integer key has by itself",
    "binary_comparisons": "no BYTEA (page Unsupported PostgreSQL data types); the driver binds no VARBYTE",
    "binary_literals": "no BYTEA (page Unsupported PostgreSQL data types)",
    "bound_limit_offset": "page ORDER BY clause: LIMIT takes a number",
    "sql_expression_limit_offset": "page ORDER BY clause: LIMIT takes a number",
    "standalone_null_binds_whereclause": "the server types parameters, and a NULL alone has no type",
    "temp_table_reflection": "temporary tables are in a schema of the session, and not reflected",
    "comment_reflection": "the suite's comments have a backslash, which the dialect refuses in a comment",
    "comment_reflection_full_unicode": "as comment_reflection",
    "duplicate_key_raises_integrity_error": "keys are informational (page Table constraints)",
    "foreign_keys": "informational: a wrong one goes in",
    "index_reflection": "no indexes (page Unsupported PostgreSQL features)",
    "indexes_with_ascdesc": "no indexes (page Unsupported PostgreSQL features)",
    "reflect_indexes_with_ascdesc": "no indexes (page Unsupported PostgreSQL features)",
    "on_update_cascade": "foreign keys do nothing (page Table constraints)",
    "recursive_fk_cascade": "foreign keys do nothing (page Table constraints)",
    "unbounded_varchar": "VARCHAR is VARCHAR(256) (page Character types), so the dialect refuses it",
}


class RedshiftRequirements(SuiteRequirements):
    """Redshift, as the guide describes it."""


def _add(name: str, decided: Any) -> None:
    if not hasattr(SuiteRequirements, name):
        raise AttributeError(f"SQLAlchemy has no requirement {name!r}")
    setattr(RedshiftRequirements, name, property(lambda self: decided))


for _name in HAS:
    _add(_name, exclusions.open())
for _name, _reason in LACKS.items():
    _add(_name, exclusions.skip_if(exclusions.BooleanPredicate(True, _reason)))
