-- The schema "rs" of every database: what Redshift's catalogue has and PostgreSQL's has not, and functions.

CREATE SCHEMA rs;

-- Trailing blanks of VARCHAR are insignificant where values are compared (AWS: Character types, "Significance of
-- trailing blanks"): in comparisons, joins, DISTINCT, GROUP BY and NULLIF. Stored they are as they came.
DO $$ DECLARE compare record; BEGIN
    FOR compare IN SELECT * FROM (VALUES ('eq', '='), ('ne', '<>'), ('lt', '<'), ('le', '<='), ('gt', '>'), ('ge', '>='))
                   AS v(name, sign) LOOP
        -- What PostgreSQL has for CHAR, whose values are stored as those of text are.
        EXECUTE format('CREATE FUNCTION rs.text_%s(text, text) RETURNS bool LANGUAGE internal IMMUTABLE STRICT '
                       'PARALLEL SAFE AS %L', compare.name, 'bpchar' || compare.name);
        EXECUTE format('CREATE OPERATOR rs.%s (LEFTARG = text, RIGHTARG = text, FUNCTION = rs.text_%s%s)',
                       compare.sign, compare.name,
                       CASE compare.sign WHEN '=' THEN ', COMMUTATOR = OPERATOR(rs.=), HASHES, MERGES' ELSE '' END);
    END LOOP;
END $$;
CREATE FUNCTION rs.text_cmp(text, text) RETURNS int LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'bpcharcmp';
CREATE FUNCTION rs.text_hash(text) RETURNS int LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'hashbpchar';
CREATE FUNCTION rs.text_hash(text, bigint) RETURNS bigint LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE
    AS 'hashbpcharextended';
-- What DISTINCT, GROUP BY, PARTITION BY and UNION ask for.
UPDATE pg_catalog.pg_opclass SET opcdefault = false
    WHERE opcname = 'text_ops' AND opcintype = 'text'::regtype
        AND opcmethod IN (SELECT oid FROM pg_catalog.pg_am WHERE amname IN ('btree', 'hash'));
CREATE OPERATOR CLASS rs.text_btree DEFAULT FOR TYPE text USING btree AS
    OPERATOR 1 rs.<, OPERATOR 2 rs.<=, OPERATOR 3 rs.=, OPERATOR 4 rs.>=, OPERATOR 5 rs.>,
    FUNCTION 1 rs.text_cmp(text, text);
CREATE OPERATOR CLASS rs.text_hash DEFAULT FOR TYPE text USING hash AS
    OPERATOR 1 rs.=, FUNCTION 1 rs.text_hash(text), FUNCTION 2 rs.text_hash(text, bigint);

-- What DDL leaves behind, keyed by OID and column number, so that a rename keeps it and a rollback undoes it.
CREATE TABLE rs.tables (
    relid oid PRIMARY KEY, diststyle int NOT NULL, interleaved bool NOT NULL DEFAULT false,
    sortauto bool NOT NULL DEFAULT true, encodeauto bool NOT NULL DEFAULT true);
CREATE TABLE rs.columns (
    relid oid, attnum int2, distkey bool NOT NULL DEFAULT false, sortord int NOT NULL DEFAULT 0,
    encoding int NOT NULL DEFAULT 0, identity text, by_default bool NOT NULL DEFAULT false,
    PRIMARY KEY (relid, attnum));
CREATE SEQUENCE rs.constraint_oid START 900000;
CREATE TABLE rs.constraints (
    oid oid DEFAULT nextval('rs.constraint_oid')::oid PRIMARY KEY, conname name NOT NULL, contype "char" NOT NULL,
    conrelid oid NOT NULL, conkey int2[] NOT NULL, confrelid oid NOT NULL DEFAULT 0, confkey int2[]);

CREATE FUNCTION rs.format_encoding(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT (ARRAY['none','bytedict','delta','delta32k','lzo','mostly8','mostly16','mostly32','runlength',
                  'text255','text32k','zstd','az64'])[n + 1] $$;
CREATE FUNCTION rs.encoding_number(name text) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT array_position(ARRAY['raw','bytedict','delta','delta32k','lzo','mostly8','mostly16','mostly32',
                                'runlength','text255','text32k','zstd','az64'], lower(name)) - 1 $$;
CREATE FUNCTION rs.default_encoding(typid oid, sortkey bool) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN sortkey OR typid::regtype IN ('bool'::regtype, 'float4'::regtype, 'float8'::regtype) THEN 'raw'
                WHEN typid::regtype IN ('varchar'::regtype, 'bpchar'::regtype, 'text'::regtype) THEN 'lzo'
                WHEN typid::regtype = 'jsonb'::regtype THEN 'zstd' ELSE 'az64' END $$;

CREATE FUNCTION rs.format_type(typid oid, modifier int) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN typid = 'jsonb'::regtype THEN 'super'
                WHEN typid = 'text'::regtype OR (typid = 'varchar'::regtype AND modifier = -1)
                    THEN 'character varying(65535)'
                ELSE pg_catalog.format_type(typid, modifier) END $$;
CREATE FUNCTION rs.pg_get_expr(source text, relid oid) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT source $$;

CREATE FUNCTION rs.column_names(relid oid, numbers int2[]) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY n.ordinality)
    FROM unnest(numbers) WITH ORDINALITY n(attnum, ordinality)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = relid AND a.attnum = n.attnum $$;
CREATE FUNCTION rs.pg_get_constraintdef(id oid, pretty bool) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE contype
        WHEN 'p' THEN 'PRIMARY KEY (' || rs.column_names(conrelid, conkey) || ')'
        WHEN 'u' THEN 'UNIQUE (' || rs.column_names(conrelid, conkey) || ')'
        ELSE 'FOREIGN KEY (' || rs.column_names(conrelid, conkey) || ') REFERENCES '
             || (SELECT CASE WHEN n.nspname = ANY (current_schemas(false)) THEN '' ELSE quote_ident(n.nspname) || '.' END
                        || quote_ident(c.relname)
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.oid = confrelid)
             || '(' || rs.column_names(confrelid, confkey) || ')' END
    FROM rs.constraints WHERE oid = id $$;
CREATE FUNCTION rs.pg_get_constraintdef(id oid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT rs.pg_get_constraintdef(id, false) $$;
CREATE FUNCTION rs.pg_get_late_binding_view_cols() RETURNS SETOF record LANGUAGE sql STABLE AS $$
    SELECT NULL::name, NULL::name, NULL::name, NULL::varchar, NULL::int WHERE false $$;
CREATE FUNCTION rs.version() RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 '
           '(Red Hat 3.4.2-6.fc3), Redshift 1.0.0 (stand-in)' $$;

-- The catalogue as Redshift shows it.
CREATE VIEW rs.pg_namespace AS SELECT * FROM pg_catalog.pg_namespace WHERE nspname <> 'rs';
CREATE VIEW rs.pg_class AS
    SELECT c.*, coalesce(t.diststyle, CASE WHEN c.relkind = 'r' THEN 10 ELSE 0 END)::int2 AS reldiststyle
    FROM pg_catalog.pg_class c LEFT JOIN rs.tables t ON t.relid = c.oid
    WHERE c.relnamespace <> (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'rs');
CREATE VIEW rs.pg_attribute AS
    SELECT a.attrelid, a.attname, a.atttypid, -1 AS attstattarget, a.attlen, a.attnum, a.attndims, -1 AS attcacheoff,
           a.atttypmod, a.attbyval, a.attstorage, a.attalign, a.attnotnull, a.atthasdef, a.attisdropped, a.attislocal,
           a.attinhcount, coalesce(m.distkey, false) AS attisdistkey,
           CASE WHEN t.interleaved AND m.sortord % 2 = 0 THEN -m.sortord ELSE coalesce(m.sortord, 0) END
               AS attsortkeyord,
           coalesce(m.encoding, 0) AS attencodingtype
    FROM pg_catalog.pg_attribute a
    LEFT JOIN rs.columns m ON m.relid = a.attrelid AND m.attnum = a.attnum
    LEFT JOIN rs.tables t ON t.relid = a.attrelid;
CREATE VIEW rs.pg_attrdef AS
    SELECT d.oid, d.adrelid, d.adnum, s.source AS adbin, s.source AS adsrc
    FROM pg_catalog.pg_attrdef d
    LEFT JOIN rs.columns m ON m.relid = d.adrelid AND m.attnum = d.adnum
    CROSS JOIN LATERAL (SELECT CASE
        WHEN m.identity IS NULL THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid)
        WHEN m.by_default THEN format('default_identity(%s, %s, ''%s'')', d.adrelid, d.adnum - 1, m.identity)
        ELSE format('"identity"(%s, %s, ''%s''::text)', d.adrelid, d.adnum - 1, m.identity) END AS source) s;
CREATE VIEW rs.pg_constraint AS
    SELECT k.oid, k.conname, c.relnamespace AS connamespace, k.contype, false AS condeferrable,
           false AS condeferred, k.conrelid, 0::oid AS contypid, k.confrelid, 'a'::"char" AS confupdtype,
           'a'::"char" AS confdeltype, k.conkey, k.confkey, NULL::text AS conbin, NULL::text AS consrc
    FROM rs.constraints k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid;
CREATE VIEW rs.pg_tables AS SELECT * FROM pg_catalog.pg_tables WHERE schemaname <> 'rs';
CREATE VIEW rs.pg_views AS SELECT * FROM pg_catalog.pg_views WHERE schemaname <> 'rs';
CREATE VIEW rs.pg_indexes AS SELECT * FROM pg_catalog.pg_indexes WHERE false;
CREATE VIEW rs.pg_table_def AS
    SELECT n.nspname AS schemaname, c.relname AS tablename, a.attname AS "column",
           rs.format_type(a.atttypid, a.atttypmod) AS type, rs.format_encoding(a.attencodingtype) AS encoding,
           a.attisdistkey AS distkey, a.attsortkeyord AS sortkey, a.attnotnull AS notnull
    FROM rs.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN rs.pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname = ANY (current_schemas(false))
    ORDER BY n.nspname, c.relname, a.attnum;

CREATE VIEW rs.is_tables AS SELECT * FROM information_schema.tables WHERE table_schema <> 'rs';
CREATE VIEW rs.is_views AS SELECT * FROM information_schema.views WHERE table_schema <> 'rs';
CREATE VIEW rs.is_schemata AS SELECT * FROM information_schema.schemata WHERE schema_name <> 'rs';
CREATE VIEW rs.is_columns AS
    SELECT c.table_catalog, c.table_schema, c.table_name, c.column_name, c.ordinal_position,
           d.adsrc AS column_default, c.is_nullable,
           CASE c.data_type WHEN 'jsonb' THEN 'super' ELSE c.data_type END AS data_type,
           c.character_maximum_length, c.numeric_precision, c.numeric_precision_radix, c.numeric_scale,
           c.datetime_precision, c.udt_name
    FROM information_schema.columns c
    LEFT JOIN rs.pg_attrdef d ON d.adnum = c.ordinal_position
        AND d.adrelid = to_regclass(quote_ident(c.table_schema) || '.' || quote_ident(c.table_name))
    WHERE c.table_schema <> 'rs';
CREATE VIEW rs.is_table_constraints AS
    SELECT current_database() AS constraint_catalog, n.nspname AS constraint_schema, k.conname AS constraint_name,
           current_database() AS table_catalog, n.nspname AS table_schema, c.relname AS table_name,
           CASE k.contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' ELSE 'FOREIGN KEY' END AS constraint_type
    FROM rs.constraints k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace;
CREATE VIEW rs.is_key_column_usage AS
    SELECT current_database() AS constraint_catalog, n.nspname AS constraint_schema, k.conname AS constraint_name,
           current_database() AS table_catalog, n.nspname AS table_schema, c.relname AS table_name,
           a.attname AS column_name, u.ordinality::int AS ordinal_position
    FROM rs.constraints k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL unnest(k.conkey) WITH ORDINALITY u(attnum, ordinality)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum;

CREATE VIEW rs.svv_external_schemas AS
    SELECT NULL::oid AS esoid, 1 AS eskind, NULL::name AS schemaname, NULL::oid AS esowner,
           NULL::text AS databasename, NULL::text AS esoptions WHERE false;
CREATE VIEW rs.svv_external_tables AS
    SELECT NULL::name AS schemaname, NULL::name AS tablename, NULL::text AS location WHERE false;
CREATE VIEW rs.svv_external_columns AS
    SELECT NULL::name AS schemaname, NULL::name AS tablename, NULL::name AS columnname,
           NULL::text AS external_type, NULL::int AS columnnum, NULL::int AS part_key WHERE false;
CREATE VIEW rs.svv_tables AS SELECT table_catalog, table_schema, table_name, table_type, NULL::text AS remarks
    FROM rs.is_tables;
CREATE VIEW rs.svv_columns AS SELECT *, NULL::text AS remarks FROM rs.is_columns;
CREATE VIEW rs.stv_tbl_perm AS
    SELECT 0 AS slice, oid::int AS id, relname::character(72) AS name, 0::bigint AS rows, 0 AS sorted_rows,
           CASE relpersistence WHEN 't' THEN 1 ELSE 0 END AS temp
    FROM rs.pg_class WHERE relkind = 'r';

CREATE FUNCTION rs.count_rows(relid oid) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
    DECLARE n bigint; BEGIN EXECUTE 'SELECT count(*) FROM ' || relid::regclass INTO n; RETURN n; END $$;
CREATE VIEW rs.svv_table_info AS
    SELECT current_database() AS database, n.nspname AS schema, c.oid AS table_id, c.relname AS "table",
           CASE WHEN t.encodeauto THEN 'Y, AUTO(ENCODE)'
                WHEN EXISTS (SELECT 1 FROM rs.columns m WHERE m.relid = c.oid AND m.encoding > 0) THEN 'Y'
                ELSE 'N' END AS encoded,
           CASE t.diststyle WHEN 0 THEN 'EVEN' WHEN 8 THEN 'ALL' WHEN 10 THEN 'AUTO(ALL)' WHEN 11 THEN 'AUTO(EVEN)'
                WHEN 12 THEN 'AUTO(KEY)' ELSE 'KEY(' || (SELECT a.attname FROM rs.pg_attribute a
                    WHERE a.attrelid = c.oid AND a.attisdistkey) || ')' END AS diststyle,
           coalesce((SELECT a.attname::text FROM rs.pg_attribute a WHERE a.attrelid = c.oid
                     AND abs(a.attsortkeyord) = 1), CASE WHEN t.sortauto THEN 'AUTO(SORTKEY)' END) AS sortkey1,
           (SELECT count(*)::int FROM rs.columns m WHERE m.relid = c.oid AND m.sortord <> 0) AS sortkey_num,
           0::numeric AS unsorted, 0::numeric AS stats_off, rs.count_rows(c.oid)::numeric AS tbl_rows
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN rs.tables t ON t.relid = c.oid
    WHERE c.relkind = 'r' AND rs.count_rows(c.oid) > 0;   -- as on Redshift, empty tables are not listed

-- What loads leave behind. "_log" is written outside the transaction and survives it; "_tx" is written inside, so
-- that a transaction sees its own loads through its older snapshot. UNION makes one row of the two.
CREATE TABLE rs.load_errors_log (
    userid int, slice int, tbl int, starttime timestamp, session int, query int, filename text, line_number bigint,
    colname text, type text, col_length text, "position" int, raw_line text, raw_field_value text, err_code int,
    err_reason text, start_offset bigint, xid bigint, database text);
CREATE TABLE rs.load_errors_tx (LIKE rs.load_errors_log);
CREATE TABLE rs.load_values_log (
    userid int, slice int, session int, query int, filename text, line_number bigint, field int, colname text,
    value text, is_null int, type text, col_length text);
CREATE TABLE rs.load_values_tx (LIKE rs.load_values_log);
CREATE TABLE rs.load_files_log (
    userid int, query int, slice int, filename text, lines_scanned int, errors int, curtime timestamp, status int,
    bytes bigint);
CREATE TABLE rs.load_files_tx (LIKE rs.load_files_log);
CREATE TABLE rs.loads_log (
    user_id int, query_id bigint, transaction_id bigint, session_id int, database_name text, status text,
    table_name text, start_time timestamp, end_time timestamp, data_source text, file_format text,
    loaded_rows bigint, loaded_bytes bigint, source_file_count int, source_file_bytes bigint, error_count int);
CREATE TABLE rs.loads_tx (LIKE rs.loads_log);

CREATE VIEW rs.svv_transactions AS
    SELECT a.usename::text AS txn_owner, a.datname::text AS txn_db, 0::bigint AS xid, l.pid,
           (a.xact_start AT TIME ZONE 'UTC')::timestamp AS txn_start, l.mode AS lock_mode,
           l.locktype AS lockable_object_type, l.relation::int AS relation, l.granted
    FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'relation' AND a.datname = pg_catalog.current_database();
CREATE VIEW rs.stl_load_errors AS
    SELECT userid, slice, tbl, starttime, session, query, filename::character(256), line_number,
           colname::character(127), type::character(10), col_length::character(10), "position",
           raw_line::character(1024), raw_field_value::character(1024), err_code, err_reason::character(100),
           0 AS is_partial, start_offset, NULL::bigint AS copy_job_id
    FROM (SELECT * FROM rs.load_errors_log UNION SELECT * FROM rs.load_errors_tx) e;
CREATE VIEW rs.stl_loaderror_detail AS
    SELECT userid, slice, session, query, filename::character(256), line_number, field,
           colname::character(1024), value::character(1024), is_null, type::character(10), col_length::character(10)
    FROM (SELECT * FROM rs.load_values_log UNION SELECT * FROM rs.load_values_tx) e;
CREATE VIEW rs.stl_load_commits AS
    SELECT userid, query, slice, ' '::character(256) AS name, filename::character(256), 0 AS byte_offset,
           lines_scanned, errors, curtime, status, 'JSON'::character(16) AS file_format
    FROM (SELECT * FROM rs.load_files_log UNION SELECT * FROM rs.load_files_tx) e;
CREATE VIEW rs.sys_load_error_detail AS
    SELECT userid AS user_id, query::bigint AS query_id, xid AS transaction_id, session AS session_id,
           database::character(64) AS database_name, tbl AS table_id, starttime AS start_time,
           filename::character(256) AS file_name, line_number, colname::character(127) AS column_name,
           type::character(10) AS column_type, col_length::character(10) AS column_length, "position",
           err_code AS error_code, err_reason::character(512) AS error_message
    FROM (SELECT * FROM rs.load_errors_log UNION SELECT * FROM rs.load_errors_tx) e;
CREATE VIEW rs.sys_load_detail AS
    SELECT userid AS user_id, query::bigint AS query_id, filename::character(256) AS file_name,
           bytes AS bytes_scanned, lines_scanned::bigint, errors::bigint AS error_count, curtime AS record_time
    FROM (SELECT * FROM rs.load_files_log UNION SELECT * FROM rs.load_files_tx) e
    WHERE pg_catalog.current_setting('rs.load_detail_is_late', true) IS DISTINCT FROM 'on';
CREATE VIEW rs.sys_load_history AS
    SELECT user_id, query_id, transaction_id, session_id, database_name, status::character(10), table_name,
           start_time, end_time, (extract(epoch FROM end_time - start_time) * 1000000)::bigint AS duration,
           data_source, file_format::character(16), loaded_rows, loaded_bytes, source_file_count,
           source_file_bytes, source_file_count AS file_count_scanned, source_file_bytes AS file_bytes_scanned,
           error_count
    FROM (SELECT * FROM rs.loads_log UNION SELECT * FROM rs.loads_tx) e;

CREATE FUNCTION rs.session_number(setting text, absent bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('rs.' || setting, true), ''), absent::text)::bigint $$;
CREATE FUNCTION rs.pg_last_copy_count() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT rs.session_number('last_copy_count', 0) $$;
CREATE FUNCTION rs.pg_last_copy_id() RETURNS int LANGUAGE sql STABLE AS $$
    SELECT rs.session_number('last_copy_id', -1)::int $$;
CREATE FUNCTION rs.pg_last_unload_count() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT rs.session_number('last_unload_count', 0) $$;
CREATE FUNCTION rs.pg_last_query_id() RETURNS int LANGUAGE sql STABLE AS $$
    SELECT rs.session_number('last_query_id', -1)::int $$;

-- IDENTITY: unique, but with gaps and in no order. One sequence serves all tables.
CREATE SEQUENCE rs.identity_numbers MINVALUE 0 START 0;
CREATE FUNCTION rs.next_identity(seed bigint, step bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
    DECLARE n bigint := nextval('rs.identity_numbers');
    BEGIN RETURN seed + step * (16 * (n / 8) + (ARRAY[11, 2, 13, 4, 9, 0, 15, 6])[n % 8 + 1]); END $$;

-- Functions that PostgreSQL lacks or has in another way.
CREATE FUNCTION rs.getdate() RETURNS timestamp LANGUAGE sql STABLE AS $$
    SELECT date_trunc('second', statement_timestamp() AT TIME ZONE current_setting('timezone')) $$;
CREATE FUNCTION rs.sysdate() RETURNS timestamp LANGUAGE sql STABLE AS $$
    SELECT transaction_timestamp() AT TIME ZONE current_setting('timezone') $$;
-- Not the numbers that Redshift gives: a hash is compared with none but those of the same database. NULL gives NULL,
-- for AWS does not say what it gives.
CREATE FUNCTION rs.fnv_hash(value anyelement) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtextextended(value::text COLLATE "C", 0) $$;
CREATE FUNCTION rs.fnv_hash(value anyelement, seed bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtextextended(value::text COLLATE "C", seed) $$;
CREATE FUNCTION rs.convert_timezone(source text, target text, moment timestamp) RETURNS timestamp
    LANGUAGE sql STABLE AS $$ SELECT moment AT TIME ZONE source AT TIME ZONE target $$;
CREATE FUNCTION rs.convert_timezone(target text, moment timestamp) RETURNS timestamp
    LANGUAGE sql STABLE AS $$ SELECT moment AT TIME ZONE 'UTC' AT TIME ZONE target $$;
CREATE FUNCTION rs.trunc(moment timestamp) RETURNS date LANGUAGE sql IMMUTABLE AS $$ SELECT moment::date $$;
CREATE FUNCTION rs.date_trunc(part text, day date) RETURNS timestamp LANGUAGE sql IMMUTABLE AS $$
    SELECT pg_catalog.date_trunc(part, day::timestamp) $$;
CREATE FUNCTION rs.round(n float8, places int) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT pg_catalog.round(n::numeric, places)::float8 $$;
CREATE FUNCTION rs.trunc(n float8, places int) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT pg_catalog.trunc(n::numeric, places)::float8 $$;
CREATE FUNCTION rs.last_day(day timestamp) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT (pg_catalog.date_trunc('month', day) + interval '1 month' - interval '1 day')::date $$;
CREATE FUNCTION rs.add_months(moment timestamp, n int) RETURNS timestamp LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN moment::date = rs.last_day(moment)
        THEN rs.last_day(moment + make_interval(months => n)) + moment::time
        ELSE moment + make_interval(months => n) END $$;

CREATE FUNCTION rs.extract_part(part text, moment timestamp) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE part WHEN 'millisecond' THEN floor(pg_catalog.date_part('millisecond', moment))::bigint % 1000
                     WHEN 'microsecond' THEN floor(pg_catalog.date_part('microsecond', moment))::bigint % 1000000
                     ELSE floor(pg_catalog.date_part(part, moment))::bigint END $$;
CREATE FUNCTION rs.extract_part(part text, moment date) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT rs.extract_part(part, moment::timestamp) $$;
CREATE FUNCTION rs.extract_part(part text, moment timestamptz) RETURNS float8 LANGUAGE sql STABLE AS $$
    SELECT pg_catalog.date_part(part, moment) $$;
CREATE FUNCTION rs.extract_part(part text, moment time) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT floor(pg_catalog.date_part(part, moment))::bigint $$;
CREATE FUNCTION rs.extract_part(part text, span interval) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT floor(pg_catalog.date_part(part, span))::bigint $$;
CREATE FUNCTION rs.dateadd(part text, n bigint, moment timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE part
        WHEN 'month' THEN rs.add_months(moment, n::int)
        WHEN 'quarter' THEN rs.add_months(moment, 3 * n::int)
        WHEN 'year' THEN moment + make_interval(years => n::int)
        WHEN 'millisecond' THEN moment + n * interval '1 millisecond'
        ELSE moment + n * ('1 ' || part)::interval END $$;
CREATE FUNCTION rs.datediff(part text, a timestamp, b timestamp) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN part = 'year' THEN pg_catalog.date_part('year', b) - pg_catalog.date_part('year', a)
        WHEN part IN ('decade', 'century', 'millennium') THEN pg_catalog.date_part(part, b) - pg_catalog.date_part(part, a)
        WHEN part = 'quarter' THEN 4 * (pg_catalog.date_part('year', b) - pg_catalog.date_part('year', a))
            + pg_catalog.date_part('quarter', b) - pg_catalog.date_part('quarter', a)
        WHEN part = 'month' THEN 12 * (pg_catalog.date_part('year', b) - pg_catalog.date_part('year', a))
            + pg_catalog.date_part('month', b) - pg_catalog.date_part('month', a)
        WHEN part = 'week' THEN (pg_catalog.date_trunc('week', b)::date - pg_catalog.date_trunc('week', a)::date) / 7
        WHEN part = 'day' THEN b::date - a::date
        WHEN part = 'hour' THEN pg_catalog.date_part('epoch', pg_catalog.date_trunc('hour', b) - pg_catalog.date_trunc('hour', a)) / 3600
        WHEN part = 'minute' THEN pg_catalog.date_part('epoch', pg_catalog.date_trunc('minute', b) - pg_catalog.date_trunc('minute', a)) / 60
        WHEN part = 'second' THEN pg_catalog.date_part('epoch', pg_catalog.date_trunc('second', b) - pg_catalog.date_trunc('second', a))
        WHEN part = 'millisecond' THEN pg_catalog.round((1000 * extract(epoch FROM pg_catalog.date_trunc('milliseconds', b)
            - pg_catalog.date_trunc('milliseconds', a)))::numeric)
        WHEN part = 'microsecond' THEN pg_catalog.round((1000000 * extract(epoch FROM b - a))::numeric)
        END::bigint $$;

CREATE FUNCTION rs.len(s text) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT char_length(s) $$;
CREATE FUNCTION rs.textlen(s text) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT char_length(s) $$;
CREATE FUNCTION rs.charindex(part text, s text) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT strpos(s, part) $$;
CREATE FUNCTION rs.replicate(s text, n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT repeat(s, n) $$;
CREATE FUNCTION rs.concat(a text, b text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT a || b $$;
CREATE FUNCTION rs.sha2(s text, bits int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(CASE bits WHEN 224 THEN sha224(s::bytea) WHEN 384 THEN sha384(s::bytea)
        WHEN 512 THEN sha512(s::bytea) ELSE sha256(s::bytea) END, 'hex') $$;
CREATE FUNCTION rs.from_hex(s text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT decode(s, 'hex') $$;
CREATE FUNCTION rs.from_varbyte(value bytea, format text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE lower(format) WHEN 'hex' THEN encode(value, 'hex') WHEN 'base64' THEN encode(value, 'base64')
        WHEN 'utf8' THEN convert_from(value, 'UTF8') END $$;
CREATE FUNCTION rs.strtol(s text, base int) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
    DECLARE n numeric := 0; sign int := 1; digits text := lower(btrim(s)); digit int;
    BEGIN
        IF s IS NULL OR base IS NULL THEN RETURN NULL; END IF;
        IF base < 2 OR base > 36 THEN RAISE EXCEPTION 'The base must be between 2 and 36' USING ERRCODE = '22023'; END IF;
        IF left(digits, 1) IN ('-', '+') THEN
            sign := CASE left(digits, 1) WHEN '-' THEN -1 ELSE 1 END;
            digits := substr(digits, 2);
        END IF;
        IF base = 16 AND left(digits, 2) = '0x' THEN digits := substr(digits, 3); END IF;
        FOR i IN 1 .. char_length(digits) LOOP
            digit := strpos('0123456789abcdefghijklmnopqrstuvwxyz', substr(digits, i, 1)) - 1;
            IF digit < 0 OR digit >= base THEN
                RAISE EXCEPTION 'The input % is not valid to be converted to base %', s, base USING ERRCODE = '22023';
            END IF;
            n := n * base + digit;
        END LOOP;
        IF n > 9223372036854775807 THEN
            RAISE EXCEPTION 'The input % is out of range for base %', s, base USING ERRCODE = '22003';
        END IF;
        RETURN sign * n;
    END $$;

-- REGEXP_REPLACE replaces every match; a fourth argument is a position, not flags.
CREATE FUNCTION rs.regexp_replace(s text, p text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT pg_catalog.regexp_replace(s, p, '', 'g') $$;
CREATE FUNCTION rs.regexp_replace(s text, p text, r text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT pg_catalog.regexp_replace(s, p, r, 'g') $$;
CREATE FUNCTION rs.regexp_replace(s text, p text, r text, pos int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT left(s, pos - 1) || pg_catalog.regexp_replace(substr(s, pos), p, r, 'g') $$;
CREATE FUNCTION rs.regexp_replace(s text, p text, r text, pos int, flags text) RETURNS text
    LANGUAGE sql IMMUTABLE AS $$ SELECT left(s, pos - 1) || pg_catalog.regexp_replace(substr(s, pos), p, r,
        'g' || CASE WHEN strpos(flags, 'i') > 0 THEN 'i' ELSE '' END) $$;
CREATE FUNCTION rs.regexp_replace(s text, p text, r text, flags text) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'invalid input syntax for integer: "%"', flags USING ERRCODE = '22P02'; END $$;
CREATE FUNCTION rs.regexp_substr(s text, p text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN s IS NULL OR p IS NULL THEN NULL ELSE coalesce(pg_catalog.regexp_substr(s, p), '') END $$;
CREATE FUNCTION rs.regexp_substr(s text, p text, pos int, nth int DEFAULT 1) RETURNS text
    LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN s IS NULL OR p IS NULL THEN NULL
        ELSE coalesce(pg_catalog.regexp_substr(s, p, pos, nth), '') END $$;

CREATE FUNCTION rs.json_parse(s text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT s::jsonb $$;
CREATE FUNCTION rs.is_valid_json(s text) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT s IS JSON OBJECT $$;
CREATE FUNCTION rs.can_json_parse(s text) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT s IS JSON $$;
CREATE FUNCTION rs.json_extract_path_text(s text, VARIADIC path text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(pg_catalog.json_extract_path_text(s::json, VARIADIC path), '') $$;

-- AVG of whole numbers is a whole number.
CREATE FUNCTION rs.avg_step(state bigint[], n bigint) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN n IS NULL THEN state ELSE ARRAY[state[1] + n, state[2] + 1] END $$;
CREATE FUNCTION rs.avg_step(state bigint[], n int) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
    SELECT rs.avg_step(state, n::bigint) $$;
CREATE FUNCTION rs.avg_step(state bigint[], n smallint) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
    SELECT rs.avg_step(state, n::bigint) $$;
CREATE FUNCTION rs.avg_final(state bigint[]) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT state[1] / nullif(state[2], 0) $$;
CREATE AGGREGATE rs.avg(bigint) (SFUNC = rs.avg_step, STYPE = bigint[], FINALFUNC = rs.avg_final, INITCOND = '{0,0}');
CREATE AGGREGATE rs.avg(int) (SFUNC = rs.avg_step, STYPE = bigint[], FINALFUNC = rs.avg_final, INITCOND = '{0,0}');
CREATE AGGREGATE rs.avg(smallint) (SFUNC = rs.avg_step, STYPE = bigint[], FINALFUNC = rs.avg_final, INITCOND = '{0,0}');
CREATE FUNCTION rs.median_final(vals float8[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY v) FROM unnest(vals) v $$;
CREATE AGGREGATE rs.median(float8) (SFUNC = array_append, STYPE = float8[], FINALFUNC = rs.median_final, INITCOND = '{}');

-- What DDL calls.
CREATE FUNCTION rs.column_numbers(rel regclass, names text[]) RETURNS int2[] LANGUAGE plpgsql STABLE AS $$
    DECLARE found int2[] := '{}'; wanted text; number int2;
    BEGIN
        FOREACH wanted IN ARRAY names LOOP
            SELECT attnum INTO number FROM pg_catalog.pg_attribute
                WHERE attrelid = rel AND attname = wanted AND attnum > 0 AND NOT attisdropped;
            IF number IS NULL THEN
                RAISE EXCEPTION 'column "%" of relation "%" does not exist', wanted,
                    (SELECT relname FROM pg_catalog.pg_class WHERE oid = rel) USING ERRCODE = '42703';
            END IF;
            found := found || number;
        END LOOP;
        RETURN found;
    END $$;

CREATE FUNCTION rs.add_constraint(rel regclass, wanted text, kind text, names text[], ref regclass, ref_names text[])
    RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        relname text := (SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid = rel);
        numbers int2[] := rs.column_numbers(rel, names);
        ref_numbers int2[];
        chosen text; suffix int := 0; number int2;
    BEGIN
        IF kind = 'p' THEN
            IF EXISTS (SELECT 1 FROM rs.constraints k WHERE k.conrelid = rel AND k.contype = 'p') THEN
                RAISE EXCEPTION 'multiple primary keys for table "%" are not allowed', relname USING ERRCODE = '42P16';
            END IF;
            FOREACH number IN ARRAY numbers LOOP   -- a primary key is not enforced, but its columns are NOT NULL
                EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', rel,
                    (SELECT attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = rel AND a.attnum = number));
            END LOOP;
        ELSIF kind = 'f' THEN
            ref_numbers := CASE WHEN ref_names IS NULL
                THEN (SELECT k.conkey FROM rs.constraints k WHERE k.conrelid = ref AND k.contype = 'p')
                ELSE rs.column_numbers(ref, ref_names) END;
            IF NOT EXISTS (SELECT 1 FROM rs.constraints k WHERE k.conrelid = ref AND k.contype IN ('p', 'u')
                           AND k.conkey @> ref_numbers AND k.conkey <@ ref_numbers) THEN
                RAISE EXCEPTION 'there is no unique constraint matching given keys for referenced table "%"',
                    (SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid = ref) USING ERRCODE = '42830';
            END IF;
        END IF;
        chosen := coalesce(wanted, CASE kind WHEN 'p' THEN relname || '_pkey'
            WHEN 'u' THEN relname || '_' || array_to_string(names, '_') || '_key'
            ELSE relname || '_' || array_to_string(names, '_') || '_fkey' END);
        WHILE EXISTS (SELECT 1 FROM rs.constraints k WHERE k.conrelid = rel
                      AND k.conname = chosen || CASE suffix WHEN 0 THEN '' ELSE suffix::text END) LOOP
            suffix := suffix + 1;
        END LOOP;
        INSERT INTO rs.constraints (conname, contype, conrelid, conkey, confrelid, confkey)
        VALUES (chosen || CASE suffix WHEN 0 THEN '' ELSE suffix::text END, kind::"char", rel, numbers,
                coalesce(ref::oid, 0), ref_numbers);
    END $$;

CREATE FUNCTION rs.add_length_checks(rel regclass) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE a record;
    BEGIN
        FOR a IN SELECT attname, atttypmod - 4 AS n, CASE atttypid WHEN 'varchar'::regtype THEN 'v' ELSE 'c' END AS kind
                 FROM pg_catalog.pg_attribute
                 WHERE attrelid = rel AND attnum > 0 AND NOT attisdropped AND atttypmod > 4
                   AND atttypid IN ('varchar'::regtype, 'bpchar'::regtype)
                   AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k WHERE k.conrelid = rel
                                   AND k.conkey = ARRAY[attnum] AND k.conname LIKE 'rs\_len\_%') LOOP
            EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (octet_length(%I) <= %s)', rel,
                format('rs_len_%s_%s_%s', a.n, a.kind, left(md5(a.attname), 8)), a.attname, a.n);
        END LOOP;
    END $$;

-- Record how a new table is laid out. settings: like, diststyle, distkey, sortkeys, interleaved, encodeauto,
-- encode {column: encoding}, identity {column: [spec, by default]}.
CREATE FUNCTION rs.describe(rel regclass, settings jsonb) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        parent regclass := (settings->>'like')::regclass;
        keys text[] := ARRAY(SELECT jsonb_array_elements_text(settings->'sortkeys'));
        a record; p record; sortord int; encoding text;
    BEGIN
        SELECT * INTO p FROM rs.tables t WHERE t.relid = parent;
        IF settings->>'distkey' IS NOT NULL THEN
            PERFORM rs.column_numbers(rel, ARRAY[settings->>'distkey']);
        END IF;
        PERFORM rs.column_numbers(rel, keys);
        INSERT INTO rs.tables VALUES (rel, coalesce((settings->>'diststyle')::int, p.diststyle, 10),
            CASE WHEN cardinality(keys) > 0 THEN coalesce((settings->>'interleaved')::bool, false)
                 ELSE coalesce(p.interleaved, false) END,
            cardinality(keys) = 0 AND coalesce(p.sortauto, true),
            coalesce((settings->>'encodeauto')::bool, p.encodeauto, true));
        FOR a IN SELECT att.attnum, att.attname, att.atttypid, m.relid AS inherited, m.distkey, m.sortord, m.encoding
                 FROM pg_catalog.pg_attribute att
                 LEFT JOIN pg_catalog.pg_attribute pa ON pa.attrelid = parent AND pa.attname = att.attname
                 LEFT JOIN rs.columns m ON m.relid = parent AND m.attnum = pa.attnum
                 WHERE att.attrelid = rel AND att.attnum > 0 AND NOT att.attisdropped LOOP
            sortord := CASE WHEN cardinality(keys) > 0 THEN coalesce(array_position(keys, a.attname::text), 0)
                            ELSE coalesce(a.sortord, 0) END;
            encoding := settings->'encode'->>a.attname;
            INSERT INTO rs.columns VALUES (rel, a.attnum,
                CASE WHEN settings->>'diststyle' IS NULL THEN coalesce(a.distkey, false)
                     ELSE a.attname = coalesce(settings->>'distkey', '') END,
                sortord,
                CASE WHEN encoding IS NULL AND a.inherited IS NOT NULL THEN a.encoding
                     ELSE rs.encoding_number(coalesce(encoding, rs.default_encoding(a.atttypid, sortord > 0))) END,
                settings->'identity'->a.attname->>0,
                coalesce((settings->'identity'->a.attname->>1)::bool, false));
        END LOOP;
        PERFORM rs.add_length_checks(rel);
    END $$;

CREATE FUNCTION rs.set_distribution(rel regclass, style int, key text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE rs.tables SET diststyle = style WHERE relid = rel;
        UPDATE rs.columns SET distkey = false WHERE relid = rel AND distkey;
        IF key IS NOT NULL THEN
            UPDATE rs.columns SET distkey = true
                WHERE relid = rel AND attnum = (rs.column_numbers(rel, ARRAY[key]))[1];
        END IF;
    END $$;
CREATE FUNCTION rs.set_sortkey(rel regclass, keys text[], auto bool) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE numbers int2[] := rs.column_numbers(rel, keys);
    BEGIN
        UPDATE rs.tables SET interleaved = false, sortauto = auto WHERE relid = rel;
        UPDATE rs.columns SET sortord = coalesce(array_position(numbers, attnum), 0) WHERE relid = rel;
    END $$;
CREATE FUNCTION rs.set_encoding(rel regclass, name text, encoding_name text) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE number int2 := (rs.column_numbers(rel, ARRAY[name]))[1];
    BEGIN
        UPDATE rs.columns SET encoding = rs.encoding_number(encoding_name) WHERE relid = rel AND attnum = number;
        UPDATE rs.tables SET encodeauto = false WHERE relid = rel;
    END $$;

-- Resize a VARCHAR; the limits are those of ALTER TABLE ... ALTER COLUMN ... TYPE.
CREATE FUNCTION rs.set_length(rel regclass, name text, n int) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        number int2 := (rs.column_numbers(rel, ARRAY[name]))[1];
        relname text := (SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid = rel);
        a pg_catalog.pg_attribute; longest int; old text;
    BEGIN
        SELECT * INTO a FROM pg_catalog.pg_attribute WHERE attrelid = rel AND attnum = number;
        IF a.atttypid <> 'varchar'::regtype THEN
            RAISE EXCEPTION 'cannot alter type of column "%" of relation "%": only the size of a VARCHAR can be altered',
                name, relname USING ERRCODE = '0A000';
        END IF;
        IF a.atttypmod - 4 = n THEN
            RAISE EXCEPTION 'cannot alter column "%" of relation "%", target column size should be different', name,
                relname USING ERRCODE = '0A000';
        END IF;
        IF a.atthasdef THEN
            RAISE EXCEPTION 'cannot alter column "%" of relation "%", column has default value', name, relname
                USING ERRCODE = '0A000';
        END IF;
        IF EXISTS (SELECT 1 FROM rs.constraints k WHERE (k.conrelid = rel AND number = ANY (k.conkey))
                   OR (k.confrelid = rel AND number = ANY (k.confkey))) THEN
            RAISE EXCEPTION 'cannot alter column "%" of relation "%", column is part of a key or unique constraint',
                name, relname USING ERRCODE = '0A000';
        END IF;
        IF EXISTS (SELECT 1 FROM rs.columns m WHERE m.relid = rel AND m.attnum = number
                   AND rs.format_encoding(m.encoding) IN ('bytedict', 'runlength', 'text255', 'text32k')) THEN
            RAISE EXCEPTION 'cannot alter column "%" of relation "%", its compression encoding does not allow it',
                name, relname USING ERRCODE = '0A000';
        END IF;
        EXECUTE format('SELECT coalesce(max(octet_length(%I)), 0) FROM %s', name, rel) INTO longest;
        IF longest > n THEN
            RAISE EXCEPTION 'cannot alter column "%" of relation "%", target column size should be larger or equal to '
                'current maximum column size (%)', name, relname, longest USING ERRCODE = '0A000';
        END IF;
        FOR old IN SELECT conname FROM pg_catalog.pg_constraint k
                   WHERE k.conrelid = rel AND k.conkey = ARRAY[number] AND k.conname LIKE 'rs\_len\_%' LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', rel, old);
        END LOOP;
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE varchar(%s)', rel, name, n);
        PERFORM rs.add_length_checks(rel);
    END $$;

CREATE FUNCTION rs.check_droppable(rel regclass, name text, force bool) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE number int2 := (rs.column_numbers(rel, ARRAY[name]))[1]; m rs.columns; dependent text;
    BEGIN
        SELECT * INTO m FROM rs.columns c WHERE c.relid = rel AND c.attnum = number;
        IF m.distkey THEN
            RAISE EXCEPTION 'cannot drop distkey column "%"', name USING ERRCODE = '0A000';
        END IF;
        IF m.sortord <> 0 THEN
            RAISE EXCEPTION 'cannot drop sortkey column "%"', name USING ERRCODE = '0A000';
        END IF;
        SELECT k.conname INTO dependent FROM rs.constraints k
            WHERE k.confrelid = rel AND number = ANY (k.confkey) LIMIT 1;
        IF dependent IS NOT NULL AND NOT force THEN
            RAISE EXCEPTION 'cannot drop table % column % because other objects depend on it', rel, name
                USING ERRCODE = '2BP01', HINT = 'Use DROP ... CASCADE to drop the dependent objects too.';
        END IF;
        DELETE FROM rs.constraints k WHERE (k.conrelid = rel AND number = ANY (k.conkey))
            OR (k.confrelid = rel AND number = ANY (k.confkey));
        DELETE FROM rs.columns c WHERE c.relid = rel AND c.attnum = number;
    END $$;

CREATE FUNCTION rs.drop_constraint(rel regclass, wanted text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM rs.constraints WHERE conrelid = rel AND conname = wanted;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'constraint "%" does not exist', wanted USING ERRCODE = '42704';
        END IF;
    END $$;

CREATE FUNCTION rs.check_constraint(rel regclass, wanted text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT 1 FROM rs.constraints WHERE conrelid = rel AND conname = wanted) THEN
            RAISE EXCEPTION 'constraint "%" for table "%" does not exist', wanted, rel USING ERRCODE = '42704';
        END IF;
    END $$;

-- Foreign keys are not enforced, yet a table that is referred to is dropped only with CASCADE.
CREATE FUNCTION rs.check_tables_droppable(rels oid[], force bool) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE k rs.constraints;
    BEGIN
        SELECT * INTO k FROM rs.constraints c WHERE c.confrelid = ANY (rels) AND NOT c.conrelid = ANY (rels)
            AND EXISTS (SELECT 1 FROM pg_catalog.pg_class r WHERE r.oid = c.conrelid) LIMIT 1;
        IF k.oid IS NOT NULL AND NOT force THEN
            RAISE EXCEPTION 'cannot drop table % because other objects depend on it', k.confrelid::regclass
                USING ERRCODE = '2BP01',
                DETAIL = format('constraint %s on table %s depends on table %s', k.conname, k.conrelid::regclass,
                                k.confrelid::regclass),
                HINT = 'Use DROP ... CASCADE to drop the dependent objects too.';
        END IF;
        DELETE FROM rs.constraints c WHERE c.confrelid = ANY (rels) OR c.conrelid = ANY (rels);
        DELETE FROM rs.columns c WHERE c.relid = ANY (rels);
        DELETE FROM rs.tables t WHERE t.relid = ANY (rels);
    END $$;

-- Make the database empty again: quicker than a new one.
CREATE FUNCTION rs.clean() RETURNS void LANGUAGE plpgsql AS $$
    DECLARE name text;
    BEGIN
        PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend';
        FOR name IN SELECT nspname FROM pg_catalog.pg_namespace
                    WHERE nspname NOT IN ('rs', 'information_schema') AND nspname !~ '^pg_' LOOP
            EXECUTE format('DROP SCHEMA %I CASCADE', name);
        END LOOP;
        CREATE SCHEMA public;
        FOR name IN SELECT relname FROM pg_catalog.pg_class
                    WHERE relnamespace = 'rs'::regnamespace AND relkind = 'r' LOOP
            EXECUTE format('DELETE FROM rs.%I', name);
        END LOOP;
        PERFORM setval('rs.identity_numbers', 0, false);
    END $$;

-- EXPLAIN in Redshift's form, from PostgreSQL's plan and the distribution of the tables. An approximation: README.md
-- has its rules. style: where the rows of a step are, "all" (on each node), "key" (by one of keys) or "even".
CREATE FUNCTION rs.plan_step(node jsonb, depth int, OUT lines text[], OUT style text, OUT keys text[])
    LANGUAGE plpgsql STABLE AS $$
    DECLARE
        kind text := node->>'Node Type';
        is_join bool := kind IN ('Hash Join', 'Merge Join', 'Nested Loop');
        indent text := repeat(' ', 2 + 6 * depth);
        child jsonb; found record; below text[] := '{}'; details text[] := '{}'; label text := '';
        styles text[] := '{}'; outer_keys text[]; inner_keys text[]; sizes numeric[] := '{}';
        pair text[]; pairs text; left_hit text; right_hit text; first_pair text[]; rel oid; name text;
    BEGIN
        IF kind = 'ModifyTable' THEN  -- Redshift shows the query alone
            SELECT * INTO found FROM rs.plan_step(node->'Plans'->0, depth);
            lines := found.lines; style := found.style; keys := found.keys;
            RETURN;
        END IF;
        style := 'even';
        keys := '{}';
        FOR child IN SELECT * FROM jsonb_array_elements(coalesce(node->'Plans', '[]')) LOOP
            SELECT * INTO found FROM rs.plan_step(child, depth + 1);
            IF child->>'Parent Relationship' IN ('InitPlan', 'SubPlan') THEN
                below := below || (indent || 'SubPlan') || found.lines;
                CONTINUE;
            END IF;
            below := below || found.lines;
            styles := styles || found.style;
            sizes := sizes || ((child->>'Plan Rows')::numeric * (child->>'Plan Width')::numeric);
            IF cardinality(styles) = 1 THEN outer_keys := found.keys; ELSE inner_keys := found.keys; END IF;
        END LOOP;
        IF kind = 'Seq Scan' THEN
            rel := format('%I.%I', node->>'Schema', node->>'Relation Name')::regclass;
            SELECT CASE t.diststyle WHEN 8 THEN 'all' WHEN 1 THEN 'key' ELSE 'even' END INTO style
                FROM rs.tables t WHERE t.relid = rel;
            style := coalesce(style, 'even');
            SELECT coalesce(array_agg((node->>'Alias') || '.' || quote_ident(a.attname)), '{}') INTO keys
                FROM rs.columns c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.relid AND a.attnum = c.attnum
                WHERE c.relid = rel AND c.distkey;
        ELSIF is_join THEN
            pairs := coalesce(node->>'Hash Cond', node->>'Merge Cond');
            details := details || (indent || CASE kind WHEN 'Hash Join' THEN 'Hash Cond: ' WHEN 'Merge Join'
                THEN 'Merge Cond: ' ELSE 'Join Filter: ' END || coalesce(pairs, node->>'Join Filter', 'true'));
            pairs := pg_catalog.regexp_replace(pairs, 'OPERATOR\(\w+\.=\)', '=', 'g');
            pairs := pg_catalog.regexp_replace(pairs, '::[a-z]+( [a-z]+)*(\(\d+\))?|[()]', '', 'g');
            FOR pair IN SELECT string_to_array(one, ' = ') FROM unnest(string_to_array(pairs, ' AND ')) one LOOP
                first_pair := coalesce(first_pair, pair);
                IF pair[1] = ANY (outer_keys) THEN left_hit := pair[2]; END IF;
                IF pair[2] = ANY (inner_keys) THEN right_hit := pair[1]; END IF;
                EXIT WHEN pair[1] = ANY (outer_keys) AND pair[2] = ANY (inner_keys);
            END LOOP;
            IF styles[2] = 'all' THEN
                label := 'DS_DIST_ALL_NONE'; style := styles[1]; keys := outer_keys;
            ELSIF styles[1] = 'all' THEN
                label := 'DS_DIST_ALL_INNER';
            ELSIF right_hit = ANY (outer_keys) THEN
                label := 'DS_DIST_NONE'; style := 'key'; keys := outer_keys || inner_keys;
            ELSIF left_hit IS NOT NULL THEN
                label := 'DS_DIST_INNER'; style := 'key'; keys := outer_keys || left_hit;
            ELSIF right_hit IS NOT NULL THEN
                label := 'DS_DIST_OUTER'; style := 'key'; keys := inner_keys || right_hit;
            ELSIF first_pair IS NULL OR 2 * sizes[2] <= sizes[1] THEN
                label := 'DS_BCAST_INNER'; style := styles[1]; keys := outer_keys;
            ELSE
                label := 'DS_DIST_BOTH'; style := 'key'; keys := first_pair;
            END IF;
        ELSIF cardinality(styles) = 1 AND kind <> 'Subquery Scan' THEN
            style := styles[1];
            keys := outer_keys;
        ELSIF styles[1] = 'all' THEN
            style := 'all';
        END IF;
        name := CASE
            WHEN is_join AND node->>'Join Type' IN ('Left', 'Right', 'Full')
                THEN replace(kind, 'Join', (node->>'Join Type') || ' Join')
            WHEN is_join AND node->>'Join Type' LIKE '%Semi' THEN replace(kind, 'Join', 'IN Join')
            WHEN kind = 'Aggregate' AND node->>'Strategy' = 'Hashed' THEN 'HashAggregate'
            WHEN kind = 'Aggregate' AND node->>'Strategy' = 'Sorted' THEN 'GroupAggregate'
            WHEN kind = 'WindowAgg' THEN 'Window'
            WHEN kind = 'Incremental Sort' THEN 'Sort'
            WHEN kind = 'Seq Scan' THEN rtrim('Seq Scan on ' || (node->>'Relation Name') || ' '
                || coalesce(nullif(node->>'Alias', node->>'Relation Name'), ''))
            ELSE kind END;
        IF node ? 'Filter' THEN details := details || (indent || 'Filter: ' || (node->>'Filter')); END IF;
        lines := (CASE depth WHEN 0 THEN '' ELSE repeat(' ', 6 * depth - 4) || '->  ' END || 'XN ' || name || ' '
            || CASE label WHEN '' THEN '' ELSE label || ' ' END || format(' (cost=%s..%s rows=%s width=%s)',
            to_char((node->>'Startup Cost')::numeric, 'FM9999999999990.00'),
            to_char((node->>'Total Cost')::numeric, 'FM9999999999990.00'), node->>'Plan Rows', node->>'Plan Width'))
            || details || below;
    END $$;

-- Redshift has no indexes, and a nested loop is for a join without an equality.
CREATE FUNCTION rs.explain(query text) RETURNS SETOF text LANGUAGE plpgsql
    SET enable_nestloop = off SET enable_mergejoin = off SET enable_indexscan = off SET enable_bitmapscan = off
    SET enable_material = off SET max_parallel_workers_per_gather = 0 AS $$
    DECLARE plan jsonb;
    BEGIN
        EXECUTE 'EXPLAIN (VERBOSE, FORMAT JSON) ' || query INTO plan;
        RETURN QUERY SELECT unnest(s.lines) FROM rs.plan_step(plan->0->'Plan', 0) s;
    END $$;

-- Whoever is no superuser writes what DDL and COPY leave behind, too. What the stand-in keeps is not to be trusted.
GRANT USAGE ON SCHEMA rs TO PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rs TO PUBLIC;
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA rs TO PUBLIC;
