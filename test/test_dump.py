#!/usr/bin/env python3
"""
Values leave the server and come back as the same bytes: by pg_dump and psql, by COPY in text and binary,
through a client's parameters; and pg_dump carries no object of the extension, only its CREATE EXTENSION.
"""
import io
import os
import subprocess
import sys

import psycopg2

RESTORED = "%s_restored" % os.environ["PGDATABASE"]

# Summaries of every making: with and without options, values of many digits, odd names, wide, long and empty ones.
TABLES = r"""
CREATE TABLE public.kept (id int, summary attrib.journey_summary);
INSERT INTO kept SELECT 1, journey_summary_agg(path, converted, value)
    FROM (VALUES ('{a,b}'::text[], true, 0.1), ('{a,b}', true, 1e15), ('{}', true, 1e-19), ('{b}', false, 0)) AS t (path, converted, value);
INSERT INTO kept SELECT 2, journey_summary_agg(user_id, at, channel, converted, value,
    journey_options(observed_until => '2025-03-15', channel_lookback => '{"email": "36 hours"}', transforms => '["exposure", {"remove_if_not_all": ["direct", "a \"b\""]}]'))
    FROM generate_events(3000, 5);
INSERT INTO kept SELECT 3, journey_summary_agg(ARRAY['', ' ', 'NULL', 'a,b', '{x}', 'say "hi"', 'back\slash', E'tab\tnew\nline', 'ünïcödé 💶', E'\x01'], true, 3);
INSERT INTO kept SELECT 4, journey_summary_agg('{a}'::text[], 0, 0, 0);
INSERT INTO kept SELECT 5, journey_summary_agg(ARRAY['c' || n, 'c' || n * 7 % 3000], n % 3, n, CASE WHEN n % 3 > 0 THEN n / 3.0 END) FROM generate_series(1, 3000) AS n;
INSERT INTO kept SELECT 6, journey_summary_agg(array_fill('loop'::text, ARRAY[20000]), false);
INSERT INTO kept SELECT 7, NULL;
CREATE TABLE public.part AS
    SELECT p.* FROM unnest((SELECT journey_parts_agg(user_id, at, channel, converted, value, left(channel, 1)) FROM generate_events(500, 3))) AS p;
CREATE TABLE public.setting AS SELECT journey_options('90 minutes', 3, false, '2025-02-03', NULL, 'infinity', NULL, '{"a": "1 day"}', '["first"]', 'Asia/Tokyo') AS options;
CREATE TABLE public.cut AS SELECT user_id, journey_agg(at, channel, converted, value, user_id::text) AS journeys FROM generate_events(100, 2) GROUP BY user_id;
CREATE INDEX ON public.kept (summary) WHERE id IN (1, 4);
CREATE VIEW public.credit AS SELECT id, c.* FROM public.kept, attrib.last_touch_attr(summary, ignore => '{direct}') AS c;
CREATE MATERIALIZED VIEW public.models AS SELECT m.* FROM public.kept, attrib.attribution_models(summary, '{linear,shapley}') AS m WHERE id = 2;
"""

# One line a table: everything in it, with the exact bytes of summaries.
CONTENT = {
    "kept": "SELECT string_agg(id || ':' || coalesce(encode(attrib.journey_summary_send(summary), 'hex'), 'NULL'), ',' ORDER BY id) FROM kept",
    "part": "SELECT string_agg(day || coalesce(segment, 'NULL') || encode(attrib.journey_summary_send(summary), 'hex'), ',' ORDER BY day, segment) FROM part",
    "setting": "SELECT options::text FROM setting",
    "cut": "SELECT string_agg(user_id || journeys::text, ',' ORDER BY user_id) FROM cut",
    "credit": "SELECT string_agg(c::text, ',' ORDER BY c::text) FROM credit AS c",
    "models": "SELECT string_agg(m::text, ',' ORDER BY m::text) FROM models AS m",
}

count = failures = 0


def check(good, name, detail=""):
    global count, failures
    count += 1
    failures += not good
    print("%sok %d - %s" % ("" if good else "not ", count, name))
    for line in str(detail).split("\n") if detail and not good else []:
        print("# " + line[:300])


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def connect(database):
    connection = psycopg2.connect(dbname=database)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET search_path = public, attrib; SET timezone = 'UTC'")
    return connection, cursor


def content(cursor):
    result = {}
    for name, query in CONTENT.items():
        cursor.execute(query)
        result[name] = cursor.fetchone()[0]
    return result


def check_dump(cursor, before, format_options, name):
    dump = run("pg_dump", *format_options, os.environ["PGDATABASE"])
    check(dump.returncode == 0, "%s: dumped" % name, dump.stderr.decode())
    if "--format=custom" not in format_options:
        text = dump.stdout.decode()
        check(text.count("CREATE EXTENSION") == 1 and "CREATE FUNCTION" not in text and "CREATE TYPE" not in text,
              "%s: of the extension only CREATE EXTENSION" % name)
    cursor.execute("CREATE DATABASE %s TEMPLATE template0" % RESTORED)
    try:
        restore = ("pg_restore", "--exit-on-error", "-d", RESTORED) if "--format=custom" in format_options else \
                  ("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", RESTORED)
        restored = run(*restore, input=dump.stdout)
        check(restored.returncode == 0, "%s: restored" % name, restored.stderr.decode())
        connection, other = connect(RESTORED)
        after = content(other)
        for table in CONTENT:
            check(before[table] is not None and before[table] == after[table], "%s: %s is as it was" % (name, table))
        connection.close()
    finally:
        cursor.execute("DROP DATABASE %s WITH (FORCE)" % RESTORED)


def check_copy(cursor, before):
    for form in ("TEXT", "CSV", "BINARY"):
        for table in ("kept", "part", "setting", "cut"):
            data = io.BytesIO()
            cursor.copy_expert("COPY %s TO STDOUT (FORMAT %s)" % (table, form), data)
            data.seek(0)
            cursor.execute("BEGIN; TRUNCATE %s" % table)
            cursor.copy_expert("COPY %s FROM STDIN (FORMAT %s)" % (table, form), data)
            cursor.execute(CONTENT[table])
            check(cursor.fetchone()[0] == before[table], "COPY %s: %s is as it was" % (form, table))
            cursor.execute("ROLLBACK")


def check_compression(cursor, before):
    """Bytes do not depend on how a table stores them."""
    for storage in ("PLAIN", "EXTERNAL", "MAIN", "EXTENDED"):
        cursor.execute("BEGIN; CREATE TABLE stored (LIKE kept); ALTER TABLE stored ALTER summary SET STORAGE %s" % storage)
        cursor.execute("INSERT INTO stored SELECT * FROM kept" + (" WHERE id IN (1, 3, 4, 7)" if storage == "PLAIN" else ""))
        cursor.execute("SELECT bool_and(s.summary = k.summary OR s.summary IS NULL AND k.summary IS NULL), count(*) FROM stored AS s JOIN kept AS k USING (id)")
        same, rows = cursor.fetchone()
        check(same and rows == (4 if storage == "PLAIN" else 7), "storage %s keeps the bytes" % storage)
        cursor.execute("ROLLBACK")


def main():
    connection, cursor = connect(os.environ["PGDATABASE"])
    cursor.execute(TABLES)
    before = content(cursor)
    check(None not in before.values(), "there is something to keep")
    check_dump(cursor, before, (), "plain dump")
    check_dump(cursor, before, ("--inserts",), "dump as INSERTs")
    check_dump(cursor, before, ("--format=custom", "--compress=1"), "custom dump")
    check_dump(cursor, before, ("--encoding=UTF8", "--quote-all-identifiers"), "quoted dump")
    check_copy(cursor, before)
    check_compression(cursor, before)
    connection.close()
    print("1..%d" % count)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
