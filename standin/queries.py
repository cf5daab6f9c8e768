"""Translate Redshift's queries and DML for PostgreSQL, and refuse what Redshift would not accept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .errors import RedshiftError, not_emulated, not_supported, syntax_error
from .tokens import Token, closing, literal, quote_path, split_commas, tokenize

# relations and functions of the schema "rs" that replace those of pg_catalog
_OVERRIDDEN = frozenset(
    [
        "pg_class",
        "pg_attribute",
        "pg_attrdef",
        "pg_constraint",
        "pg_namespace",
        "pg_tables",
        "pg_views",
        "pg_indexes",
        "pg_table_def",
        "format_type",
        "format_encoding",
        "pg_get_expr",
        "pg_get_constraintdef",
        "pg_get_late_binding_view_cols",
        "version",
        "getdate",
        "sysdate",
        "pg_last_copy_count",
        "pg_last_copy_id",
        "pg_last_unload_count",
        "pg_last_query_id",
    ]
)
_SYSTEM_PREFIXES = ("stl_", "stv_", "svv_", "svl_", "svcs_", "sys_")
_INFORMATION_SCHEMA = frozenset(
    ["tables", "columns", "views", "schemata", "table_constraints", "key_column_usage"]
)

_PARTS = {
    alias: part
    for part, aliases in {
        "millennium": "millennium millennia mil mils",
        "century": "century centuries c cent cents",
        "decade": "decade decades dec decs",
        "epoch": "epoch",
        "year": "year years y yr yrs",
        "quarter": "quarter quarters qtr qtrs",
        "month": "month months mon mons",
        "week": "week weeks w",
        "dow": "dayofweek dow dw weekday",
        "doy": "dayofyear doy dy yearday",
        "day": "day days d",
        "hour": "hour hours h hr hrs",
        "minute": "minute minutes m min mins",
        "second": "second seconds s sec secs",
        "millisecond": "millisecond milliseconds ms msec msecs msecond mseconds millisec millisecs millisecon",
        "microsecond": "microsecond microseconds microsec microsecs microsecond usecond useconds us usec usecs",
        "timezone": "timezone",
        "timezone_hour": "timezone_hour",
        "timezone_minute": "timezone_minute",
    }.items()
    for alias in aliases.split()
}

# functions of the leader node only: refused together with a user table
_LEADER_FUNCTIONS = frozenset(
    [
        "generate_series",
        "now",
        "age",
        "current_schema",
        "current_schemas",
        "isfinite",
        "has_table_privilege",
        "has_schema_privilege",
        "has_database_privilege",
        "array_to_string",
        "pg_get_viewdef",
        "pg_get_userbyid",
    ]
)
_LEADER_WORDS = frozenset(("CURRENT_TIMESTAMP", "CURRENT_TIME", "LOCALTIME", "LOCALTIMESTAMP"))
# functions that PostgreSQL has gained since 8.0 and Redshift lacks
_UNKNOWN_FUNCTIONS = frozenset(
    [
        "string_agg",
        "array_agg",
        "unnest",
        "json_agg",
        "jsonb_agg",
        "json_build_object",
        "jsonb_build_object",
        "json_object_agg",
        "row_to_json",
        "to_json",
        "to_jsonb",
        "jsonb_array_elements",
        "json_array_elements",
        "gen_random_uuid",
        "uuid_generate_v4",
        "regexp_matches",
        "regexp_match",
        "regexp_split_to_table",
        "regexp_split_to_array",
        "regexp_like",
        "format",
        "concat_ws",
        "make_date",
        "make_time",
        "make_timestamp",
        "make_timestamptz",
        "make_interval",
        "date_bin",
        "clock_timestamp",
        "statement_timestamp",
        "transaction_timestamp",
        "num_nulls",
        "num_nonnulls",
        "grouping_id",
        "xmlagg",
        "encode",
        "string_to_table",
        "json_table",
        "percentile_disc_cont",
        "mode",
        "array_length",
        "cardinality",
    ]
)
_UNKNOWN_TYPES = frozenset(
    ["JSONB", "JSON", "UUID", "CITEXT", "HSTORE", "INET", "CIDR", "MACADDR", "TSVECTOR", "INT4RANGE", "TSRANGE"]
)
_FRAMED = frozenset(
    [
        "sum",
        "avg",
        "count",
        "min",
        "max",
        "stddev",
        "stddev_samp",
        "stddev_pop",
        "variance",
        "var_samp",
        "var_pop",
        "first_value",
        "last_value",
        "nth_value",
        "bool_and",
        "bool_or",
        "bit_and",
        "bit_or",
    ]
)
_FROM_IS_SYNTAX = frozenset(("extract", "substring", "trim", "overlay", "position", "ltrim", "rtrim", "btrim"))
_END_OF_FROM = ("WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "UNION", "EXCEPT", "INTERSECT", "MINUS")


@dataclass(frozen=True)
class Insert:
    """The columns of an INSERT; the session looks up which of them are identities."""

    columns: tuple[str, ...] | None
    width: int | None
    defaults: frozenset[int]


@dataclass
class Query:
    """A statement for PostgreSQL, and what must be known before it runs."""

    sql: str
    verb: str
    target: tuple[str, ...] | None = None
    insert: Insert | None = None
    relations: list[tuple[str, ...]] = field(default_factory=list)


def query(sql: str) -> Query:
    """Check and rewrite a SELECT, INSERT, UPDATE or DELETE."""
    sql = _reflection(sql)
    tokens = tokenize(sql)
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    _check_shape(tokens)
    relations = _relations(tokens)
    _check(tokens, relations)
    verb_at, verb = _verb(tokens)
    found = Query("", verb, relations=relations)
    edits: dict[int, str] = {}
    if verb in ("INSERT", "UPDATE", "DELETE"):
        _target(tokens, verb_at, found, edits)
    found.sql = Renderer(sql, tokens, edits).all()
    return found


def expression(sql: str, tokens: list[Token]) -> str:
    """Rewrite an expression, such as a column's default."""
    return Renderer(sql, tokens, {}).all()


def datepart(text: str) -> str:
    """The date part that a word or string names.

    :raises RedshiftError: for a part that Redshift does not know.
    """
    try:
        return _PARTS[text.lower()]
    except KeyError:
        raise RedshiftError("22023", f'date part "{text}" not recognized') from None


def is_system(path: tuple[str, ...]) -> bool:
    """Whether this names a system table."""
    if len(path) > 1 and path[-2] in ("pg_catalog", "information_schema", "rs"):
        return True
    return path[-1].startswith(("pg_", *_SYSTEM_PREFIXES))


def _is_leader_only(path: tuple[str, ...]) -> bool:
    return is_system(path) and not path[-1].startswith(_SYSTEM_PREFIXES)


def _verb(tokens: list[Token]) -> tuple[int, str]:
    """The index at which the statement proper begins, after WITH, and its verb."""
    depth = 0
    for index, token in enumerate(tokens):
        if token.kind == "op" and token.text == "(":
            depth += 1
        elif token.kind == "op" and token.text == ")":
            depth -= 1
        elif depth == 0 and token.is_word("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"):
            return index, token.upper
    return 0, "SELECT"


def _check_shape(tokens: list[Token]) -> None:
    """Check that it is one statement, of a kind that Redshift has."""
    for index, token in enumerate(tokens):
        if token.kind == "op" and token.text == ";":
            raise RedshiftError("42601", "cannot insert multiple commands into a prepared statement")
        before = tokens[index - 1] if index else None
        if token.is_word("VALUES") and (before is None or before.text == "(" or before.is_word("AS")):
            raise syntax_error(token.text)
    if tokens and tokens[0].is_word("WITH"):
        _at, verb = _verb(tokens)
        if verb in ("INSERT", "MERGE"):
            raise syntax_error(verb)
    for index, token in enumerate(tokens):
        if token.is_word("INSERT", "UPDATE", "DELETE") and index and tokens[index - 1].text == "(":
            raise syntax_error(token.text)


@dataclass(slots=True)
class Place:
    """A word with its neighbours."""

    token: Token
    before: Token | None
    after: Token | None

    @property
    def called(self) -> bool:
        """Whether an opening parenthesis follows."""
        return self.after is not None and self.after.text == "("

    def follows(self, *words: str) -> bool:
        """Whether one of these words or operators comes before."""
        return self.before is not None and self.before.upper in words

    def precedes(self, *words: str) -> bool:
        """Whether one of these words or operators comes after."""
        return self.after is not None and self.after.upper in words


def _check(tokens: list[Token], relations: list[tuple[str, ...]]) -> None:
    """Refuse what Redshift refuses."""
    user_tables = any(not is_system(path) for path in relations)
    leader_only = [f'Relation "{path[-1]}" not supported.' for path in relations if _is_leader_only(path)]
    for index, token in enumerate(tokens):
        if token.kind == "op" and token.text in ("->", "->>", "@>", "<@"):
            raise RedshiftError("42883", f"operator does not exist: {token.text}")
        if token.kind != "word":
            continue
        before = tokens[index - 1] if index else None
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        place = Place(token, before, after)
        if place.called and token.name in _UNKNOWN_FUNCTIONS:
            raise RedshiftError("42883", f"function {token.name}() does not exist")
        if place.follows("."):
            continue
        _check_word(place)
        if place.called and token.name == "concat":
            if len(split_commas(tokens, index + 2, closing(tokens, index + 1))) > 2:
                raise RedshiftError("42883", "function concat() with more than two arguments does not exist")
        elif token.is_word("WINDOW") and [t.upper for t in tokens[index + 2 : index + 4]] == ["AS", "("]:
            raise syntax_error(token.text)
        elif token.is_word("OVER") and place.follows(")", "NULLS"):
            _check_window(tokens, index)
        elif (place.called and token.name in _LEADER_FUNCTIONS) or token.upper in _LEADER_WORDS:
            leader_only.append(f'Function "{token.name}()" not supported.')
        elif token.is_word("ARRAY") and place.precedes("["):
            leader_only.append('Function "array[]" not supported.')
    if leader_only and user_tables:
        raise not_supported(
            "Specified types or functions (one per INFO message) not supported on Redshift tables.",
            infos=tuple(leader_only),
        )


def _check_word(at: Place) -> None:
    """Refuse a keyword that PostgreSQL would understand here and Redshift would not."""
    word = at.token.upper
    if word == "RETURNING":
        raise syntax_error(at.token.text)
    if word == "ON" and at.precedes("CONFLICT"):
        raise syntax_error("ON")
    if word == "ON" and at.follows("DISTINCT") and at.called:
        raise not_supported("SELECT DISTINCT ON is not supported")
    if word == "DISTINCT" and at.precedes("FROM"):
        raise syntax_error("DISTINCT")
    if word == "LATERAL":
        raise syntax_error(at.after.text if at.after else "LATERAL")
    if word == "FILTER" and at.called and at.follows(")"):
        raise syntax_error("(")
    if word == "FOR" and at.precedes("UPDATE", "SHARE"):
        raise not_supported("SELECT FOR UPDATE/SHARE is not supported")
    if word == "MATERIALIZED" and at.follows("AS", "NOT"):
        raise syntax_error(at.token.text)
    if word == "QUALIFY":
        raise not_emulated("QUALIFY")
    if word == "TOP" and at.follows("SELECT") and at.after is not None and at.after.kind == "number":
        raise not_emulated("SELECT TOP")
    if word == "NEXTVAL" and at.called:
        raise not_supported("sequences are not supported")
    if word in _UNKNOWN_TYPES and (at.follows("::") or (at.follows("AS") and at.precedes(")"))):
        raise RedshiftError("42704", f'type "{at.token.name}" does not exist')


def _check_window(tokens: list[Token], over: int) -> None:
    """Check that an aggregate over an ordered window has a frame, and that frames use ROWS."""
    if over + 1 >= len(tokens) or tokens[over + 1].text != "(":
        raise syntax_error(tokens[over + 1].text if over + 1 < len(tokens) else "OVER")
    end = closing(tokens, over + 1)
    words: list[str] = []
    depth = 0
    for token in tokens[over + 2 : end]:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.kind == "word":
            words.append(token.upper)
    if "RANGE" in words or "GROUPS" in words:
        raise not_supported("window frames in RANGE or GROUPS mode are not supported")
    depth = 0
    for index in range(over - 1, -1, -1):
        token = tokens[index]
        if token.kind == "op" and token.text in ("(", ")"):
            depth += 1 if token.text == ")" else -1
            if depth == 0:
                function = tokens[index - 1] if index else None
                if (
                    function is not None
                    and function.name in _FRAMED
                    and "ORDER" in words
                    and "ROWS" not in words
                ):
                    raise not_supported(
                        "Aggregate window functions with an ORDER BY clause require a frame clause"
                    )
                return


def _relations(tokens: list[Token]) -> list[tuple[str, ...]]:
    """The tables and views named in FROM, JOIN, USING, INTO and UPDATE, without the names that WITH defines."""
    common = {
        tokens[i].name for i in range(len(tokens) - 1) if tokens[i].is_name and _defines_common_table(tokens, i)
    }
    found: list[tuple[str, ...]] = []
    openers: list[str] = [""]
    expecting = [False]
    listing = [False]
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.kind == "op" and token.text == "(":
            after = tokens[index + 1] if index + 1 < len(tokens) else None
            before = tokens[index - 1] if index else None
            inner = expecting[-1] and after is not None and not after.is_word("SELECT", "WITH")
            expecting[-1] = False
            openers.append(before.name if before is not None and before.is_name else "")
            expecting.append(inner)
            listing.append(inner)
        elif token.kind == "op" and token.text == ")":
            if len(openers) > 1:
                openers.pop()
                expecting.pop()
                listing.pop()
        elif token.kind == "op" and token.text == "," and listing[-1]:
            expecting[-1] = True
        elif expecting[-1] and token.is_name and not token.is_word("ONLY", "LATERAL"):
            path = [token.name]
            while index + 2 < len(tokens) and tokens[index + 1].text == "." and tokens[index + 2].is_name:
                path.append(tokens[index + 2].name)
                index += 2
            is_function = listing[-1] and index + 1 < len(tokens) and tokens[index + 1].text == "("
            if not is_function and (len(path) > 1 or path[0] not in common):
                found.append(tuple(path))
            expecting[-1] = False
        elif token.is_word("FROM", "JOIN"):
            before = tokens[index - 1] if index else None
            if openers[-1] not in _FROM_IS_SYNTAX and not (before is not None and before.is_word("DISTINCT")):
                expecting[-1] = listing[-1] = True
        elif token.is_word("INTO", "UPDATE") and not (index and tokens[index - 1].is_word("FOR", "THEN")):
            expecting[-1] = True
            listing[-1] = False
        elif token.is_word("USING") and not (index + 1 < len(tokens) and tokens[index + 1].text == "("):
            expecting[-1] = listing[-1] = True
        elif token.is_word(*_END_OF_FROM):
            listing[-1] = expecting[-1] = False
        index += 1
    return found


def _defines_common_table(tokens: list[Token], at: int) -> bool:
    """Whether the name at this index comes after WITH or a comma, and ``[(columns)] AS (`` follows it."""
    if not at or not (tokens[at - 1].is_word("WITH", "RECURSIVE") or tokens[at - 1].text == ","):
        return False
    index = at + 1
    if tokens[index].text == "(":
        index = closing(tokens, index) + 1
    return index + 1 < len(tokens) and tokens[index].is_word("AS") and tokens[index + 1].text == "("


def _target(tokens: list[Token], verb_at: int, found: Query, edits: dict[int, str]) -> None:
    """Read the target table and, of an INSERT, its columns."""
    index = verb_at + 1
    if found.verb == "INSERT" and index < len(tokens) and tokens[index].is_word("INTO"):
        index += 1
    if found.verb == "DELETE":
        if index < len(tokens) and tokens[index].is_word("FROM"):
            index += 1
        else:
            edits[verb_at] = tokens[verb_at].text + " FROM"
    if index >= len(tokens) or not tokens[index].is_name:
        return
    path = [tokens[index].name]
    while index + 2 < len(tokens) and tokens[index + 1].text == ".":
        path.append(tokens[index + 2].name)
        index += 2
    found.target = tuple(path)
    if tuple(path) not in found.relations:
        found.relations.append(tuple(path))
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    if found.verb == "DELETE" and after is not None and not after.is_word("WHERE", "USING"):
        raise syntax_error(after.text)
    if found.verb == "INSERT":
        if after is not None and after.is_word("AS", "OVERRIDING"):
            raise syntax_error(after.text)
        found.insert = _insert(tokens, index + 1)


def _insert(tokens: list[Token], at: int) -> Insert:
    """The column list and the width of the first row of an INSERT."""
    columns: tuple[str, ...] | None = None
    if at < len(tokens) and tokens[at].text == "(" and not tokens[at + 1].is_word("SELECT", "WITH"):
        end = closing(tokens, at)
        columns = tuple(t.name for t in tokens[at + 1 : end] if t.is_name)
        at = end + 1
    if at < len(tokens) and tokens[at].is_word("OVERRIDING"):
        raise syntax_error(tokens[at].text)
    if at < len(tokens) and tokens[at].is_word("VALUES") and at + 1 < len(tokens):
        parts = split_commas(tokens, at + 2, closing(tokens, at + 1))
        defaults = {n for n, (a, b) in enumerate(parts) if b == a + 1 and tokens[a].is_word("DEFAULT")}
        return Insert(columns, len(parts), frozenset(defaults))
    if at < len(tokens) and tokens[at].is_word("DEFAULT"):
        return Insert(columns, 0, frozenset())
    return Insert(columns, None, frozenset())


def _reflection(sql: str) -> str:
    """Rewrite sqlalchemy-redshift's own queries: their WHERE uses names of the select list and ``WHERE 1``.

    Redshift allows both; PostgreSQL does not.
    """
    if not re.search(r"svv_external_|pg_get_late_binding_view_cols|reldiststyle", sql):
        return sql
    sql = re.sub(r"\bwhere\s+1\b(?!\s*=)", "WHERE true", sql, flags=re.IGNORECASE)
    blocks = re.split(r"(\bUNION\b)", sql)
    for number, block in enumerate(blocks):
        names = {
            name.lower(): source
            for source, name in re.findall(r'([\w.]+)\s+as\s+"(\w+)"', block, flags=re.IGNORECASE)
        }

        def source(match: re.Match[str], names: dict[str, str] = names) -> str:
            return f"AND {names.get(match[1], match[1])} ="

        blocks[number] = re.sub(r"\bAND\s+(schema|table_name|relname)\s*=", source, block)
    return "".join(blocks)


class Renderer:
    """Writes tokens as text, with Redshift's functions and names replaced by PostgreSQL's."""

    def __init__(self, sql: str, tokens: list[Token], edits: dict[int, str]) -> None:
        self.sql = sql
        self.tokens = tokens
        self.edits = edits

    def all(self) -> str:
        """The whole statement."""
        return self.range(0, len(self.tokens))

    def range(self, start: int, end: int) -> str:
        """The rewritten text of ``tokens[start:end]``, with the space between them kept."""
        out: list[str] = []
        index = start
        while index < end:
            if index > start:
                out.append(self.sql[self.tokens[index - 1].end : self.tokens[index].start])
            text, index = self._one(index, end)
            out.append(text)
        return "".join(out)

    def _one(self, index: int, end: int) -> tuple[str, int]:
        """The text of the construct that begins here, and the index of the next one."""
        token = self.tokens[index]
        if index in self.edits:
            return self.edits[index], index + 1
        if token.kind == "quoted":
            return token.text.lower(), index + 1  # Redshift folds quoted names as well
        if token.kind != "word":
            return token.text, index + 1
        after = self.tokens[index + 1] if index + 1 < end else None
        before = self.tokens[index - 1] if index else None
        if before is not None and before.text == ".":
            return token.text, index + 1
        word = token.upper
        if after is not None and after.text == ".":
            return self._qualified(index, end)
        if after is not None and after.text == "(":
            method = getattr(self, f"_call_{token.name}", None)
            if method is not None:
                close = closing(self.tokens, index + 1)
                replaced: tuple[str, int] | None = method(index, close)
                if replaced is not None:
                    return replaced
        if word == "SYSDATE" and (after is None or after.text != "("):
            return "rs.sysdate()", index + 1
        if word == "MINUS":
            return "EXCEPT", index + 1
        if word == "APPROXIMATE" and after is not None and after.is_word("COUNT"):
            return "", index + 1
        is_type = before is not None and (before.text == "::" or before.is_word("AS"))
        if word == "SUPER" and is_type:
            return "jsonb", index + 1
        if word in ("VARCHAR", "NVARCHAR") and after is not None and after.text == "(":
            size = self.tokens[index + 2]
            return ("varchar(65535)", index + 4) if size.is_word("MAX") else ("varchar", index + 1)
        return token.text, index + 1

    def _qualified(self, index: int, end: int) -> tuple[str, int]:
        """A name with a schema; the schema "rs" replaces parts of the catalogue."""
        token = self.tokens[index]
        if index + 2 < end:
            name = self.tokens[index + 2].name
            if token.is_word("PG_CATALOG") and (name in _OVERRIDDEN or name.startswith(_SYSTEM_PREFIXES)):
                return f"rs.{name}", index + 3
            if token.is_word("INFORMATION_SCHEMA") and name in _INFORMATION_SCHEMA:
                return f"rs.is_{name}", index + 3
        return token.text, index + 1

    def _arguments(self, index: int, close: int) -> list[str]:
        return [self.range(a, b).strip() for a, b in split_commas(self.tokens, index + 2, close)]

    def _part(self, index: int) -> str:
        """The date part, which is the first argument, as a literal."""
        token = self.tokens[index + 2]
        if token.kind == "string":
            return literal(datepart(token.value))
        if token.is_name:
            return literal(datepart(token.name))
        raise syntax_error(token.text)

    def _call_nvl(self, index: int, close: int) -> tuple[str, int]:
        return f"COALESCE({', '.join(self._arguments(index, close))})", close + 1

    _call_isnull = _call_nvl

    def _call_nvl2(self, index: int, close: int) -> tuple[str, int]:
        arguments = self._arguments(index, close)
        if len(arguments) != 3:
            raise RedshiftError("42883", "function nvl2() takes three arguments")
        return f"CASE WHEN ({arguments[0]}) IS NOT NULL THEN {arguments[1]} ELSE {arguments[2]} END", close + 1

    def _call_decode(self, index: int, close: int) -> tuple[str, int] | None:
        arguments = self._arguments(index, close)
        if len(arguments) < 3:
            return None
        subject, *rest = arguments
        whens = " ".join(
            f"WHEN ({subject}) IS NOT DISTINCT FROM ({search}) THEN {result}"
            for search, result in zip(rest[::2], rest[1::2], strict=False)
        )
        otherwise = f" ELSE {rest[-1]}" if len(rest) % 2 else ""
        return f"CASE {whens}{otherwise} END", close + 1

    def _call_dateadd(self, index: int, close: int) -> tuple[str, int]:
        _part, count, moment = self._three(index, close)
        return f"rs.dateadd({self._part(index)}, ({count})::bigint, ({moment})::timestamp)", close + 1

    _call_date_add = _call_dateadd

    def _call_datediff(self, index: int, close: int) -> tuple[str, int]:
        _part, start, end = self._three(index, close)
        return f"rs.datediff({self._part(index)}, ({start})::timestamp, ({end})::timestamp)", close + 1

    _call_date_diff = _call_datediff

    def _three(self, index: int, close: int) -> list[str]:
        arguments = self._arguments(index, close)
        if len(arguments) != 3:
            raise RedshiftError("42883", f"function {self.tokens[index].name}() takes three arguments")
        return arguments

    def _call_date_part(self, index: int, close: int) -> tuple[str, int]:
        _part, moment = self._arguments(index, close)
        return f"date_part({self._part(index)}, {moment})", close + 1

    _call_pgdate_part = _call_date_part

    def _call_extract(self, index: int, close: int) -> tuple[str, int] | None:
        if close < index + 5 or not self.tokens[index + 3].is_word("FROM"):
            return None
        return f"rs.extract_part({self._part(index)}, {self.range(index + 4, close)})", close + 1

    def _call_convert(self, index: int, close: int) -> tuple[str, int]:
        kind, value = self._arguments(index, close)
        return f"CAST({value} AS {kind})", close + 1

    def _call_ratio_to_report(self, index: int, close: int) -> tuple[str, int]:
        (value,) = self._arguments(index, close)
        if close + 2 >= len(self.tokens) or not self.tokens[close + 1].is_word("OVER"):
            raise syntax_error(self.tokens[index].text)
        end = closing(self.tokens, close + 2)
        return f"(({value})::float8 / sum({value}) OVER {self.range(close + 2, end + 1)})", end + 1

    def _call_listagg(self, index: int, close: int) -> tuple[str, int]:
        arguments = self._arguments(index, close)
        distinct = ""
        if self.tokens[index + 2].is_word("DISTINCT"):
            distinct, arguments[0] = "DISTINCT ", arguments[0][len("DISTINCT") :].strip()
        delimiter = arguments[1] if len(arguments) > 1 else "''"
        order = ""
        at = close + 1
        if at + 2 < len(self.tokens) and self.tokens[at].is_word("WITHIN"):
            end = closing(self.tokens, at + 2)
            order = " " + self.range(at + 3, end)
            if distinct:  # PostgreSQL orders DISTINCT values only by the aggregated expression
                order = re.sub(
                    rf"(?<![\w.]){re.escape(arguments[0])}(?![\w.(])", f"({arguments[0]})::text", order
                )
            at = end + 1
        if at < len(self.tokens) and self.tokens[at].is_word("OVER"):
            raise not_emulated("LISTAGG as a window function")
        return f"string_agg({distinct}({arguments[0]})::text, {delimiter}{order})", at


def lock_statement(path: tuple[str, ...]) -> str:
    """Take a table's write lock: Redshift has one writer per table, and readers do not wait for it."""
    return f"LOCK TABLE {quote_path(path)} IN SHARE ROW EXCLUSIVE MODE"
