"""Redshift's DDL: parsed strictly, run on PostgreSQL; keys, distribution and encodings are kept as metadata."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy_redshift.dialect import RESERVED_WORDS

from . import queries
from .errors import RedshiftError, not_emulated, not_supported, syntax_error
from .tokens import Cursor, Token, literal, quote, quote_path

if TYPE_CHECKING:
    from .session import Session

Run = Callable[["Session"], str]

_INTEGERS = {
    **dict.fromkeys(("SMALLINT", "INT2"), "smallint"),
    **dict.fromkeys(("INTEGER", "INT", "INT4"), "integer"),
    **dict.fromkeys(("BIGINT", "INT8"), "bigint"),
}
_PLAIN = {
    **_INTEGERS,
    **dict.fromkeys(("REAL", "FLOAT4"), "real"),
    "FLOAT8": "double precision",
    **dict.fromkeys(("BOOLEAN", "BOOL"), "boolean"),
    "DATE": "date",
    "TIMESTAMPTZ": "timestamp with time zone",
    "TIMETZ": "time with time zone",
    "SUPER": "jsonb",
}
_UNSUPPORTED = frozenset(
    ("SERIAL", "BIGSERIAL", "SMALLSERIAL", "BYTEA", "MONEY", "BIT", "OID", "INTERVAL", "POINT")
)
_UNEMULATED = frozenset(("GEOMETRY", "GEOGRAPHY", "HLLSKETCH", "VARBYTE", "VARBINARY", "BINARY"))
_EXACT = frozenset(
    ("smallint", "integer", "bigint", "numeric", "date", "timestamp", "timestamptz", "time", "timetz")
)
_ENCODINGS: dict[str, frozenset[str] | None] = {
    "raw": None,
    "zstd": None,
    "runlength": None,
    "az64": _EXACT,
    "bytedict": _EXACT | {"real", "double", "varchar", "char"},
    "delta": frozenset(("smallint", "integer", "bigint", "numeric", "date", "timestamp", "timestamptz")),
    "delta32k": frozenset(("integer", "bigint", "numeric", "date", "timestamp", "timestamptz")),
    "lzo": _EXACT | {"varchar", "char", "super"},
    "mostly8": frozenset(("smallint", "integer", "bigint", "numeric")),
    "mostly16": frozenset(("integer", "bigint", "numeric")),
    "mostly32": frozenset(("bigint", "numeric")),
    "text255": frozenset(("varchar",)),
    "text32k": frozenset(("varchar",)),
}
_STYLES = {"EVEN": 0, "KEY": 1, "ALL": 8, "AUTO": 10}
_END_OF_DEFAULT = frozenset(
    ("ENCODE", "DISTKEY", "SORTKEY", "NOT", "NULL", "UNIQUE", "PRIMARY", "REFERENCES", "CONSTRAINT", "CHECK")
)


@dataclass(frozen=True)
class ColumnType:
    """A type: PostgreSQL's name for it, its family, and its length in bytes if it is a character type."""

    pg: str
    family: str
    length: int | None = None


@dataclass
class Column:
    """A column as CREATE TABLE or ADD COLUMN declares it."""

    name: str
    type: ColumnType
    default: str | None = None
    not_null: bool = False
    identity: str | None = None
    by_default: bool = False
    encode: str | None = None
    distkey: bool = False
    sortkey: bool = False

    def sql(self) -> str:
        """The declaration for PostgreSQL."""
        parts = [quote(self.name), self.type.pg]
        if self.identity is not None:
            parts.append(f"DEFAULT rs.next_identity({self.identity})")
        elif self.default is not None:
            parts.append(f"DEFAULT {self.default}")
        if self.not_null or self.identity is not None:
            parts.append("NOT NULL")
        if self.type.length is not None:
            kind = "v" if self.type.family == "varchar" else "c"
            digest = hashlib.md5(self.name.encode(), usedforsecurity=False).hexdigest()[:8]
            check = quote(f"rs_len_{self.type.length}_{kind}_{digest}")
            parts.append(f"CONSTRAINT {check} CHECK (octet_length({quote(self.name)}) <= {self.type.length})")
        return " ".join(parts)


@dataclass
class Constraint:
    """A key, kept as metadata and not enforced."""

    kind: str
    columns: list[str]
    name: str | None = None
    references: tuple[str, ...] | None = None
    referred: list[str] | None = None

    def sql(self, table: str) -> str:
        """The call that records it."""
        ref = f"{literal(quote_path(self.references))}::regclass" if self.references else "NULL"
        referred = _array(self.referred) if self.referred is not None else "NULL"
        return (
            f"SELECT rs.add_constraint({table}, {literal(self.name)}, {literal(self.kind)}, "
            f"{_array(self.columns)}, {ref}, {referred})"
        )


@dataclass
class Layout:
    """Distribution, sort order and encoding of a table."""

    style: str | None = None
    distkey: str | None = None
    sortkeys: list[str] = field(default_factory=list)
    interleaved: bool = False
    sort_given: bool = False
    encode_auto: bool = False

    def settings(self, columns: list[Column]) -> dict[str, Any]:
        """The argument of ``rs.describe``.

        :raises RedshiftError: for a layout that contradicts itself.
        """
        keys = [c.name for c in columns if c.distkey] + ([self.distkey] if self.distkey else [])
        if len(keys) > 1:
            raise RedshiftError("42P16", "only one distribution key can be specified for a table")
        style = self.style or ("KEY" if keys else None)
        if style == "KEY" and not keys:
            raise RedshiftError("42P16", "DISTSTYLE KEY must be used with DISTKEY")
        if keys and style != "KEY":
            raise RedshiftError("42P16", f"DISTKEY cannot be specified with DISTSTYLE {style}")
        sorted_columns = [c.name for c in columns if c.sortkey]
        if len(sorted_columns) > 1 or (sorted_columns and self.sort_given):
            raise RedshiftError("42P16", "multiple sort keys are specified for the table")
        sortkeys = sorted_columns or self.sortkeys
        if len(sortkeys) > (8 if self.interleaved else 400):
            raise RedshiftError("54011", "too many columns in the sort key")
        for column in columns:
            if column.type.family == "super" and (column.name in keys or column.name in sortkeys):
                raise not_supported(
                    f'column "{column.name}" of type super cannot be a distribution or sort key'
                )
        encode = {c.name: c.encode for c in columns if c.encode}
        found: dict[str, Any] = {
            "distkey": keys[0] if keys else None,
            "sortkeys": sortkeys,
            "interleaved": self.interleaved,
            "encodeauto": self.encode_auto or not encode,
            "encode": encode,
            "identity": {c.name: [c.identity, c.by_default] for c in columns if c.identity},
        }
        if style is not None:
            found["diststyle"] = _STYLES[style]
        return found


def column_type(cursor: Cursor, column: str) -> ColumnType:
    """Read a type.

    :raises RedshiftError: for a type that Redshift lacks.
    """
    token = cursor.next()
    if token.kind != "word":
        raise syntax_error(token.text)
    word = token.upper
    found: ColumnType
    if word in _PLAIN:
        family = {"jsonb": "super", "double precision": "double", "boolean": "boolean"}.get(
            _PLAIN[word],
            {"TIMESTAMPTZ": "timestamptz", "TIMETZ": "timetz"}.get(word, _PLAIN[word]),
        )
        found = ColumnType(_PLAIN[word], family)
    elif word in ("DECIMAL", "NUMERIC"):
        precision, scale = 18, 0
        if cursor.accept("("):
            precision = cursor.integer()
            scale = cursor.integer() if cursor.accept(",") else 0
            cursor.expect(")")
        if not 1 <= precision <= 38 or not 0 <= scale <= min(precision, 37):
            raise RedshiftError("22023", f"NUMERIC precision {precision} must be between 1 and 38")
        found = ColumnType(f"numeric({precision},{scale})", "numeric")
    elif word == "DOUBLE":
        cursor.expect("PRECISION")
        found = ColumnType("double precision", "double")
    elif word == "FLOAT":
        digits = 53
        if cursor.accept("("):
            digits = cursor.integer()
            cursor.expect(")")
        found = ColumnType("real", "real") if digits <= 24 else ColumnType("double precision", "double")
    elif word in ("CHAR", "CHARACTER", "NCHAR", "BPCHAR") and not cursor.sees("VARYING"):
        size = _length(cursor, 256 if word == "BPCHAR" else 1, 4096)
        found = ColumnType(f"character({size})", "char", size)
    elif word in ("VARCHAR", "NVARCHAR", "TEXT", "CHARACTER"):
        if word == "CHARACTER":
            cursor.expect("VARYING")
        size = _length(cursor, 256, 65535)
        found = ColumnType(f"character varying({size})", "varchar", size)
    elif word in ("TIMESTAMP", "TIME"):
        zone = False
        if cursor.accept("WITH"):
            cursor.expect("TIME", "ZONE")
            zone = True
        elif cursor.accept("WITHOUT"):
            cursor.expect("TIME", "ZONE")
        family = word.lower() + ("tz" if zone else "")
        found = ColumnType(f"{word.lower()} {'with' if zone else 'without'} time zone", family)
    elif word in _UNEMULATED:
        raise not_emulated(f"the type {word}")
    elif word in _UNSUPPORTED:
        raise not_supported(f'Column "{column}" has unsupported type "{token.name}".')
    else:
        raise RedshiftError("42704", f'type "{token.name}" does not exist')
    if cursor.sees("[") or cursor.sees("ARRAY"):
        raise not_supported(f'Column "{column}" has unsupported type "{found.pg}[]".')
    return found


def _length(cursor: Cursor, default: int, limit: int) -> int:
    """Read ``(n)`` or ``(MAX)``."""
    if not cursor.accept("("):
        return default
    size = limit if cursor.accept("MAX") else cursor.integer()
    cursor.expect(")")
    if not 1 <= size <= limit:
        raise RedshiftError("22023", f"length for type character varying cannot exceed {limit}")
    return size


def _new_name(cursor: Cursor) -> str:
    """Read the name of a new object; Redshift's reserved words need quotes."""
    token = cursor.peek()
    if token is not None and token.kind == "word" and token.name in RESERVED_WORDS:
        raise syntax_error(token.text)
    return cursor.name()


def _encoding(cursor: Cursor, column: str, family: str | None) -> str:
    """Read the name of an encoding that suits the type."""
    name = cursor.name()
    if name not in _ENCODINGS:
        raise RedshiftError("22023", f'invalid encoding type "{name}" specified')
    suits = _ENCODINGS[name]
    if suits is not None and family is not None and family not in suits:
        raise not_supported(f'encoding "{name}" is not supported for column "{column}" of type {family}')
    return name


def _default(cursor: Cursor) -> str:
    """Read a default expression up to what follows it."""
    start = cursor.at
    if not cursor.sees("("):
        cursor.next()
    if cursor.sees("("):
        cursor.skip_brackets()
    depth = 0
    while not cursor.done:
        token = cursor.peek()
        if token is None or (
            depth == 0
            and (token.text in (",", ")") or (token.kind == "word" and token.upper in _END_OF_DEFAULT))
        ):
            break
        depth += (token.text in "([") - (token.text in ")]") if token.kind == "op" else 0
        cursor.at += 1
    tokens = cursor.tokens[start : cursor.at]
    for token in tokens:
        if token.is_word("NEXTVAL"):
            raise not_supported("sequences are not supported")
    return queries.expression(cursor.sql, tokens)


def _column(cursor: Cursor, constraints: list[Constraint], name: str) -> Column:
    """Read the declaration of a column after its name."""
    column = Column(name, column_type(cursor, name))
    while True:
        constraint = None
        if cursor.accept("CONSTRAINT"):
            constraint = cursor.name()
        if cursor.accept("DEFAULT"):
            column.default = _default(cursor)
        elif cursor.accept("NOT", "NULL"):
            column.not_null = True
        elif cursor.accept("NULL"):
            pass
        elif cursor.accept("ENCODE"):
            column.encode = _encoding(cursor, column.name, column.type.family)
        elif cursor.accept("DISTKEY"):
            column.distkey = True
        elif cursor.accept("SORTKEY"):
            column.sortkey = True
        elif cursor.accept("IDENTITY"):
            column.identity = _identity(cursor, column)
        elif cursor.accept("GENERATED"):
            cursor.expect("BY", "DEFAULT", "AS", "IDENTITY")
            column.identity, column.by_default = _identity(cursor, column), True
        elif cursor.accept("PRIMARY", "KEY"):
            constraints.append(Constraint("p", [column.name], constraint))
        elif cursor.accept("UNIQUE"):
            constraints.append(Constraint("u", [column.name], constraint))
        elif cursor.accept("REFERENCES"):
            constraints.append(_references(cursor, [column.name], constraint))
        elif cursor.sees("CHECK"):
            raise not_supported("CHECK constraints are not supported")
        elif cursor.accept("COLLATE"):
            cursor.name()
        else:
            return column


def _identity(cursor: Cursor, column: Column) -> str:
    """Read ``(seed, step)``."""
    if column.type.family not in ("integer", "bigint"):
        raise not_supported(f'identity column "{column.name}" must be INT or BIGINT')
    cursor.expect("(")
    seed = cursor.integer()
    cursor.expect(",")
    step = cursor.integer()
    cursor.expect(")")
    return f"{seed},{step}"


def _references(cursor: Cursor, columns: list[str], name: str | None) -> Constraint:
    """Read the rest of a foreign key."""
    table = cursor.qualified_name()
    referred = cursor.names() if cursor.sees("(") else None
    return Constraint("f", columns, name, table, referred)


def _table_constraint(cursor: Cursor) -> Constraint | None:
    """Read a table constraint, if one comes next."""
    name = cursor.name() if cursor.accept("CONSTRAINT") else None
    if cursor.accept("PRIMARY", "KEY"):
        return Constraint("p", cursor.names(), name)
    if cursor.sees("UNIQUE", "("):
        cursor.next()
        return Constraint("u", cursor.names(), name)
    if cursor.accept("FOREIGN", "KEY"):
        columns = cursor.names()
        cursor.expect("REFERENCES")
        return _references(cursor, columns, name)
    if cursor.sees("CHECK", "("):
        raise not_supported("CHECK constraints are not supported")
    if name is not None:
        raise cursor.unexpected()
    return None


def _layout(cursor: Cursor) -> Layout:
    """Read the attributes after the columns."""
    layout = Layout()
    while True:
        if cursor.accept("DISTSTYLE"):
            token = cursor.next()
            if token.upper not in _STYLES or layout.style is not None:
                raise syntax_error(token.text)
            layout.style = token.upper
        elif cursor.accept("DISTKEY"):
            (layout.distkey,) = cursor.names()
        elif cursor.accept("SORTKEY", "AUTO"):
            layout.sort_given = True
        elif (
            cursor.sees("COMPOUND", "SORTKEY")
            or cursor.sees("INTERLEAVED", "SORTKEY")
            or cursor.sees("SORTKEY")
        ):
            if layout.sort_given:
                raise RedshiftError("42P16", "multiple sort keys are specified for the table")
            layout.interleaved = cursor.accept("INTERLEAVED")
            cursor.accept("COMPOUND")
            cursor.expect("SORTKEY")
            layout.sortkeys = cursor.names() if cursor.sees("(") else [cursor.name()]
            layout.sort_given = True
        elif cursor.accept("ENCODE", "AUTO"):
            layout.encode_auto = True
        elif cursor.accept("BACKUP"):
            if not (cursor.accept("YES") or cursor.accept("NO")):
                raise cursor.unexpected()
        else:
            return layout


def create_table(cursor: Cursor) -> Run:
    """Read CREATE TABLE, with columns, LIKE or AS."""
    cursor.expect("CREATE")
    cursor.accept("LOCAL")
    temporary = cursor.accept("TEMPORARY") or cursor.accept("TEMP")
    cursor.expect("TABLE")
    absent = cursor.accept("IF", "NOT", "EXISTS")
    path = [_new_name(cursor)]
    while cursor.accept("."):
        path.append(_new_name(cursor))
    columns: list[Column] = []
    constraints: list[Constraint] = []
    parents: list[tuple[tuple[str, ...], bool]] = []
    names: list[str] | None = None
    if cursor.sees("(") and _is_name_list(cursor):
        names = cursor.names()
    elif cursor.accept("("):
        _elements(cursor, columns, constraints, parents)
        cursor.expect(")")
    layout = _layout(cursor)
    source: str | None = None
    if cursor.accept("AS"):
        source = queries.query(cursor.sql[cursor.tokens[cursor.at].start :]).sql if not cursor.done else ""
    else:
        if names is not None or not (columns or parents):
            raise cursor.unexpected()
        cursor.finish()
    _distinct([c.name for c in columns])
    settings = layout.settings(columns)
    if parents:
        settings["like"] = quote_path(parents[0][0])
    table = quote_path(path)
    prefix = "CREATE TEMP TABLE " if temporary else "CREATE TABLE "
    if source is not None:
        listed = f" ({', '.join(quote(n) for n in names)})" if names else ""
        made = f"{prefix}{table}{listed} AS {source}"
    else:
        body = [c.sql() for c in columns]
        body += [
            f"LIKE {quote_path(parent)} INCLUDING CONSTRAINTS" + (" INCLUDING DEFAULTS" if defaults else "")
            for parent, defaults in parents
        ]
        made = f"{prefix}{table} ({', '.join(body)})"
    looked_up = quote_path(["pg_temp", path[-1]]) if temporary else table
    rel = f"{literal(table)}::regclass"

    def run(session: Session) -> str:
        if absent and session.backend.query(f"SELECT to_regclass({literal(looked_up)})")[0][0] is not None:
            session.info(f'Relation "{path[-1]}" already exists and will be skipped')
            return "CREATE TABLE"
        script = [made, f"SELECT rs.describe({rel}, {literal(json.dumps(settings))}::jsonb)"]
        script += [constraint.sql(rel) for constraint in constraints]
        session.backend.query(";\n".join(script))
        return "SELECT" if source is not None else "CREATE TABLE"

    return run


def _is_name_list(cursor: Cursor) -> bool:
    """Whether ``(a, b)`` comes next: the column names of CREATE TABLE ... AS."""
    ahead = 1
    while True:
        token, after = cursor.peek(ahead), cursor.peek(ahead + 1)
        if token is None or after is None or not token.is_name:
            return False
        if after.text == ")":
            return True
        if after.text != ",":
            return False
        ahead += 2


def _elements(
    cursor: Cursor,
    columns: list[Column],
    constraints: list[Constraint],
    parents: list[tuple[tuple[str, ...], bool]],
) -> None:
    """Read what is between the parentheses of CREATE TABLE."""
    while True:
        if cursor.accept("LIKE"):
            parent = cursor.qualified_name()
            defaults = cursor.accept("INCLUDING", "DEFAULTS")
            if not defaults:
                cursor.accept("EXCLUDING", "DEFAULTS")
            parents.append((parent, defaults))
        else:
            constraint = _table_constraint(cursor)
            if constraint is not None:
                constraints.append(constraint)
            else:
                columns.append(_column(cursor, constraints, _new_name(cursor)))
        if not cursor.accept(","):
            return


def _distinct(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise RedshiftError("42701", f'column "{name}" duplicated')


def _array(names: list[str]) -> str:
    return f"ARRAY[{', '.join(literal(n) for n in names)}]::text[]"


def drop_table(cursor: Cursor) -> Run:
    """Read DROP TABLE."""
    cursor.expect("DROP", "TABLE")
    if_exists = cursor.accept("IF", "EXISTS")
    paths = [cursor.qualified_name()]
    while cursor.accept(","):
        paths.append(cursor.qualified_name())
    cascade = cursor.accept("CASCADE")
    if not cascade:
        cursor.accept("RESTRICT")
    cursor.finish()

    def run(session: Session) -> str:
        tables = ", ".join(quote_path(path) for path in paths)
        oids = ", ".join(f"to_regclass({literal(quote_path(path))})" for path in paths)
        session.backend.query(
            f"SELECT rs.check_tables_droppable(ARRAY[{oids}]::oid[], {literal(cascade)});"
            f"DROP TABLE {'IF EXISTS ' if if_exists else ''}{tables}{' CASCADE' if cascade else ''}"
        )
        return "DROP TABLE"

    return run


def truncate(cursor: Cursor) -> tuple[tuple[str, ...], Run]:
    """Read TRUNCATE: one table and nothing else."""
    cursor.expect("TRUNCATE")
    cursor.accept("TABLE")
    path = cursor.qualified_name()
    cursor.finish()

    def run(session: Session) -> str:
        session.backend.query(f"TRUNCATE TABLE {quote_path(path)}")
        return "TRUNCATE TABLE"

    return path, run


def alter_table(cursor: Cursor) -> tuple[Run, str | None]:
    """Read ALTER TABLE. The second value is the message if it is refused inside a transaction block."""
    cursor.expect("ALTER", "TABLE")
    path = cursor.qualified_name()
    table = quote_path(path)
    rel = f"{literal(table)}::regclass"
    refused: str | None = None
    if cursor.accept("ADD"):
        script = _add(cursor, table, rel)
    elif cursor.accept("DROP"):
        script = _drop(cursor, table, rel)
    elif cursor.accept("RENAME"):
        script = [_rename(cursor, table)]
    elif cursor.sees("ALTER"):
        script, refused = _alter(cursor, rel)
    elif cursor.accept("OWNER", "TO"):
        script = [f"ALTER TABLE {table} OWNER TO {quote(cursor.name())}"]
    elif cursor.sees("APPEND"):
        raise not_emulated("ALTER TABLE APPEND")
    else:
        raise cursor.unexpected()
    cursor.finish()

    def run(session: Session) -> str:
        session.backend.query(";\n".join(script))
        return "ALTER TABLE"

    return run, refused


def _add(cursor: Cursor, table: str, rel: str) -> list[str]:
    """Read ADD: a constraint, or one column with fewer attributes than CREATE TABLE allows."""
    constraint = _table_constraint(cursor)
    if constraint is not None:
        return [constraint.sql(rel)]
    cursor.accept("COLUMN")
    if cursor.sees("IF", "NOT"):
        raise cursor.unexpected()
    constraints: list[Constraint] = []
    column = _column(cursor, constraints, _new_name(cursor))
    if constraints or column.identity or column.distkey or column.sortkey:
        raise not_supported("ALTER TABLE ADD COLUMN does not support keys, IDENTITY, DISTKEY or SORTKEY")
    if column.not_null and (column.default is None or column.default.upper() == "NULL"):
        raise not_supported(
            "ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression"
        )
    encode = literal(column.encode) if column.encode else "rs.default_encoding(a.atttypid, false)"
    return [
        f"ALTER TABLE {table} ADD COLUMN {column.sql()}",
        (
            "INSERT INTO rs.columns (relid, attnum, encoding) "
            f"SELECT {rel}, attnum, rs.encoding_number({encode}) "
            f"FROM pg_catalog.pg_attribute a WHERE attrelid = {rel} AND attname = {literal(column.name)} "
            "ON CONFLICT DO NOTHING"
        ),
    ]


def _drop(cursor: Cursor, table: str, rel: str) -> list[str]:
    """Read DROP of a column or a constraint."""
    if cursor.accept("CONSTRAINT"):
        name = cursor.name()
        if not cursor.accept("CASCADE"):
            cursor.accept("RESTRICT")
        return [f"SELECT rs.drop_constraint({rel}, {literal(name)})"]
    cursor.accept("COLUMN")
    if cursor.sees("IF", "EXISTS"):
        raise cursor.unexpected()
    name = cursor.name()
    cascade = cursor.accept("CASCADE")
    if not cascade:
        cursor.accept("RESTRICT")
    return [
        f"SELECT rs.check_droppable({rel}, {literal(name)}, {literal(cascade)})",
        f"ALTER TABLE {table} DROP COLUMN {quote(name)}{' CASCADE' if cascade else ''}",
    ]


def _rename(cursor: Cursor, table: str) -> str:
    """Read RENAME TO or RENAME COLUMN ... TO."""
    if cursor.accept("TO"):
        return f"ALTER TABLE {table} RENAME TO {quote(_new_name(cursor))}"
    cursor.expect("COLUMN")
    old = cursor.name()
    cursor.expect("TO")
    return f"ALTER TABLE {table} RENAME COLUMN {quote(old)} TO {quote(_new_name(cursor))}"


def _alter(cursor: Cursor, rel: str) -> tuple[list[str], str | None]:
    """Read one or more ALTER clauses."""
    script: list[str] = []
    kinds: list[str] = []
    refused: str | None = None
    while True:
        cursor.expect("ALTER")
        if cursor.accept("DISTKEY"):
            kinds.append("dist")
            script.append(f"SELECT rs.set_distribution({rel}, 1, {literal(cursor.name())})")
        elif cursor.accept("DISTSTYLE"):
            kinds.append("dist")
            token = cursor.next()
            if token.upper not in _STYLES:
                raise syntax_error(token.text)
            key = "NULL"
            if token.upper == "KEY":
                cursor.expect("DISTKEY")
                key = literal(cursor.name())
            script.append(f"SELECT rs.set_distribution({rel}, {_STYLES[token.upper]}, {key})")
        elif cursor.sees("COMPOUND", "SORTKEY") or cursor.sees("SORTKEY"):
            kinds.append("sort")
            cursor.accept("COMPOUND")
            cursor.expect("SORTKEY")
            auto = cursor.accept("AUTO")
            keys = [] if auto or cursor.accept("NONE") else cursor.names()
            script.append(f"SELECT rs.set_sortkey({rel}, {_array(keys)}, {literal(auto)})")
        elif cursor.accept("ENCODE", "AUTO"):
            kinds.append("encode auto")
            script.append(f"UPDATE rs.tables SET encodeauto = true WHERE relid = {rel}")
        else:
            cursor.accept("COLUMN")
            name = cursor.name()
            if cursor.accept("TYPE"):
                kinds.append("type")
                found = column_type(cursor, name)
                if found.family != "varchar" or cursor.sees("USING"):
                    raise not_supported(
                        f'cannot alter type of column "{name}": only the size of a VARCHAR can be altered'
                    )
                script.append(f"SELECT rs.set_length({rel}, {literal(name)}, {found.length})")
                refused = "ALTER TABLE ALTER COLUMN cannot run inside a transaction block"
            elif cursor.accept("ENCODE"):
                kinds.append("encode")
                encoding = _encoding(cursor, name, None)
                script.append(f"SELECT rs.set_encoding({rel}, {literal(name)}, {literal(encoding)})")
            else:
                raise _refused_alter(cursor)
        if not cursor.accept(","):
            break
    if len(kinds) > 1 and set(kinds) != {"encode"} and sorted(kinds) != ["dist", "sort"]:
        raise not_supported("these ALTER TABLE clauses cannot be combined")
    return script, refused


def _refused_alter(cursor: Cursor) -> RedshiftError:
    """The error for a change to a column that PostgreSQL supports and Redshift does not."""
    verb: Token | None = cursor.peek()
    if verb is not None and verb.is_word("SET", "DROP"):
        if cursor.peek(1) is not None and cursor.sees(verb.upper, "NOT", "NULL"):
            return not_supported(f"ALTER TABLE ALTER COLUMN {verb.upper} NOT NULL is not supported")
        if cursor.sees(verb.upper, "DEFAULT"):
            return not_supported(f"ALTER TABLE ALTER COLUMN {verb.upper} DEFAULT is not supported")
    return cursor.unexpected()


def create_view(cursor: Cursor) -> Run:
    """Read CREATE [OR REPLACE] VIEW. WITH NO SCHEMA BINDING requires a schema for each table; the view is
    bound to the tables nevertheless."""
    cursor.expect("CREATE")
    replace = cursor.accept("OR", "REPLACE")
    cursor.expect("VIEW")
    path = cursor.qualified_name()
    names = cursor.names() if cursor.sees("(") else None
    cursor.expect("AS")
    end = len(cursor.tokens)
    binding = [t.upper for t in cursor.tokens[-4:]]
    if binding == ["WITH", "NO", "SCHEMA", "BINDING"]:
        end -= 4
    found = queries.query(cursor.text(cursor.at, end))
    if end < len(cursor.tokens) and any(len(path) == 1 for path in found.relations):
        raise not_supported(
            "All the relation names inside should be qualified when creating VIEW WITH NO SCHEMA BINDING."
        )
    body = found.sql
    listed = f" ({', '.join(quote(n) for n in names)})" if names else ""
    made = f"CREATE {'OR REPLACE ' if replace else ''}VIEW {quote_path(path)}{listed} AS {body}"

    def run(session: Session) -> str:
        session.backend.query(made)
        return "CREATE VIEW"

    return run
