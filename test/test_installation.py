#!/usr/bin/env python3
"""
Installing and removing: anyone who may create in a database may install the extension (it is trusted), all of it
lives in schema attrib, it works without that schema in the search_path, and DROP EXTENSION takes everything away.
"""
import os
import sys

import psycopg2

OWNER, GUEST = "attrib_test_owner", "attrib_test_guest"

# All that CREATE EXTENSION may add to; system catalogs by their names.
CATALOGS = ("pg_aggregate", "pg_amop", "pg_amproc", "pg_attribute", "pg_cast", "pg_class", "pg_constraint", "pg_depend",
            "pg_description", "pg_extension", "pg_index", "pg_language", "pg_namespace", "pg_opclass", "pg_operator",
            "pg_opfamily", "pg_proc", "pg_rewrite", "pg_shdepend", "pg_type")

count = failures = 0


def check(good, name, detail=""):
    global count, failures
    count += 1
    failures += not good
    print("%sok %d - %s" % ("" if good else "not ", count, name))
    if detail != "" and not good:
        print("# %s" % str(detail)[:1000])


def ask(cursor, query):
    cursor.execute(query)
    return cursor.fetchall()


def refused(cursor, statement, state, name):
    """The statement fails with this SQLSTATE."""
    try:
        cursor.execute(statement)
        check(False, name, "not refused: " + statement)
    except psycopg2.Error as error:
        check(error.pgcode == state, name, "%s: %s" % (error.pgcode, error))


def become(cursor, role):
    cursor.execute("RESET SESSION AUTHORIZATION")
    if role:
        cursor.execute("SET SESSION AUTHORIZATION " + role)


def rows_of_catalogs(cursor):
    cursor.execute(" UNION ALL ".join("SELECT '%s', count(*) FROM %s" % (c, c) for c in CATALOGS))
    return dict(cursor.fetchall())


def check_owner(cursor, database):
    """Installation by one who is no superuser; returns what the catalogs held before."""
    become(cursor, OWNER)
    refused(cursor, "CREATE EXTENSION attrib", "42501", "who may not create in the database may not install")
    become(cursor, None)
    cursor.execute("GRANT CREATE ON DATABASE %s TO %s" % (database, OWNER))
    before = rows_of_catalogs(cursor)
    become(cursor, OWNER)
    refused(cursor, "CREATE EXTENSION attrib SCHEMA public", "0A000", "it stays in schema attrib")
    cursor.execute("CREATE EXTENSION attrib")
    check(ask(cursor, "SELECT extowner::regrole::text FROM pg_extension WHERE extname = 'attrib'") == [(OWNER,)],
          "who may create in the database may install")
    check(ask(cursor, "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'attrib'") == [(OWNER,)],
          "and owns the schema")
    return before


def check_members(cursor):
    cursor.execute("""SELECT identity FROM pg_depend, pg_identify_object(classid, objid, objsubid)
                      WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
                        AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'attrib')
                        AND schema IS DISTINCT FROM 'attrib'""")
    outside = cursor.fetchall()
    check(outside == [], "every member lives in schema attrib", outside)
    cursor.execute("""SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend AS d
                      WHERE refclassid = 'pg_namespace'::regclass AND refobjid = 'attrib'::regnamespace AND deptype = 'n'
                        AND classid <> 'pg_extension'::regclass
                        AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')""")
    strangers = cursor.fetchall()
    check(strangers == [], "and nobody else does", strangers)
    cursor.execute("""SELECT p.oid::regprocedure FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
                      WHERE nspname = 'attrib' AND (prosecdef OR proacl IS NOT NULL)""")
    check(cursor.fetchall() == [], "no function has rights of its own")


# Uses types, operators, operator classes, casts and aggregates by the schema's name alone.
USE = """
CREATE TABLE public.kept AS
    SELECT n, attrib.journey_summary_agg(n::bigint, now(), 'a', true, 1, attrib.journey_options(lookback => '1 day')) AS summary
    FROM generate_series(1, 2) AS n GROUP BY n;
"""


def check_use(cursor):
    """With nothing in the search_path."""
    cursor.execute("SET search_path = ''")
    cursor.execute(USE)
    check(ask(cursor, "SELECT count(DISTINCT summary) FROM public.kept") == [(1,)], "DISTINCT without a search_path")
    check(ask(cursor, "SELECT count(*) FROM public.kept AS a JOIN public.kept AS b ON a.summary OPERATOR(attrib.=) b.summary") == [(4,)],
          "operators by their full names")
    check(ask(cursor, "SELECT channel, conversions FROM attrib.linear_attr((SELECT attrib.rollup(summary) FROM public.kept))") == [("a", 2.0)],
          "functions by their full names")
    check(ask(cursor, "SELECT count(*) FROM attrib.attribution_models((SELECT attrib.rollup(summary) FROM public.kept), '{linear,time_decay}')") == [(2,)],
          "models without a search_path")
    cursor.execute("CREATE INDEX ON public.kept (summary)")
    cursor.execute("RESET search_path")


def check_guest(cursor):
    """Others need USAGE on the schema, and nothing else."""
    become(cursor, GUEST)
    refused(cursor, "SELECT attrib.journey_summary_agg('{a}'::text[], true)", "42501", "without USAGE on the schema nothing is seen")
    become(cursor, OWNER)
    cursor.execute("GRANT USAGE ON SCHEMA attrib TO " + GUEST)
    become(cursor, GUEST)
    check(ask(cursor, "SELECT attrib.journey_summary_agg('{a}'::text[], true) IS NOT NULL") == [(True,)], "with it all is")
    become(cursor, OWNER)


def check_drop(cursor, before):
    refused(cursor, "DROP EXTENSION attrib", "2BP01", "it is not dropped from under a table")
    cursor.execute("DROP EXTENSION attrib CASCADE")
    check(ask(cursor, "SELECT attname FROM pg_attribute WHERE attrelid = 'public.kept'::regclass AND attnum > 0 AND NOT attisdropped") == [("n",)],
          "CASCADE takes the columns along")
    cursor.execute("DROP TABLE public.kept")
    # PostgreSQL makes the schema that a control file names, but never drops it
    check(ask(cursor, "SELECT count(*) FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = 'attrib'::regnamespace") == [(0,)],
          "the schema stays, empty")
    cursor.execute("CREATE EXTENSION attrib; DROP EXTENSION attrib; DROP SCHEMA attrib")
    after = rows_of_catalogs(cursor)
    left = {c: after[c] - before[c] for c in CATALOGS if after[c] != before[c]}
    check(left == {}, "nothing is left in any catalog", left)
    cursor.execute("CREATE EXTENSION attrib")
    check(ask(cursor, "SELECT attrib.rollup(NULL::attrib.journey_summary)") == [(None,)], "it can be installed again")
    cursor.execute("DROP EXTENSION attrib; DROP SCHEMA attrib")


def main():
    database = os.environ["PGDATABASE"]
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET client_min_messages = warning")
    for role in (OWNER, GUEST):
        cursor.execute("DROP ROLE IF EXISTS " + role)
        cursor.execute("CREATE ROLE " + role)
    cursor.execute("DROP EXTENSION IF EXISTS attrib; DROP SCHEMA IF EXISTS attrib")
    try:
        cursor.execute("GRANT CREATE ON SCHEMA public TO " + OWNER)
        before = check_owner(cursor, database)
        check_members(cursor)
        check_use(cursor)
        check_guest(cursor)
        check_drop(cursor, before)
    finally:
        become(cursor, None)
        for role in (OWNER, GUEST):
            cursor.execute("DROP OWNED BY %s CASCADE; DROP ROLE %s" % (role, role))
    connection.close()
    print("1..%d" % count)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
