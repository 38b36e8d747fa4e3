#!/usr/bin/python3
"""
No input crashes or hangs the server: odd arguments in every position of every function, damaged binary
and text forms, very long and very wide input.  Each gets an answer or an error with an SQLSTATE other
than XX000, the backend stays the same, and long calls end soon after they are cancelled.

ATTRIB_SEED, ATTRIB_FUZZ_CASES (damaged values), ATTRIB_CANCEL_MS (allowed delay of a cancel).
"""
import io
import json
import re
import struct
import sys
import time

from common import (
    NASTY,
    SEED,
    Tap,
    connect,
    drop_schema,
    psycopg2,
    random,
    setting,
)

FUZZ = setting("ATTRIB_FUZZ_CASES", 10000)
CANCEL_MS = setting("ATTRIB_CANCEL_MS", 100)
TIMEOUT_MS = 400

# Internal errors, crashes and out-of-memory conditions no caller should see.
FORBIDDEN = ("XX000", "XX001", "XX002", "57P02", "53200")


# What a call that was meant to reach a function may not end with.
MISSING = ("42883", "42P01", "42703", "42601", "42804", "42725", "42846")


class Server:
    """Runs statements one by one and watches the backend."""

    def __init__(self, tap, connection):
        self.tap, self.connection = tap, connection
        self.cursor = connection.cursor()
        self.cursor.execute("SELECT pg_backend_pid()")
        self.pid = self.cursor.fetchone()[0]
        self.alive = True

    def run(self, name, statement, parameters=None, fetch=True):
        """SQLSTATE of a statement ('00000' when it worked); records a failure if it is a forbidden one."""
        if not self.alive:
            return None
        try:
            self.cursor.execute(statement, parameters)
            if fetch and self.cursor.description:
                self.cursor.fetchall()
            state = "00000"
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            state = error.pgcode
            if self.connection.closed or state is None:
                self.alive = False
                self.tap.check(name, False, "connection lost: %s in %s" % (error, statement))
                return None
        except psycopg2.Error as error:
            state = error.pgcode
        except (ValueError, OverflowError) as error:  # an answer Python cannot represent is an answer
            state = "00000"
        self.tap.check(name, state not in FORBIDDEN, "%s: %s %s" % (state, statement, str(parameters)[:300]))
        return state

    def timed(self, name, statement):
        """A call that may run long: when statement_timeout fires, it ends soon.  Once late may be the machine."""
        late = []
        for _ in range(3):
            if not self.alive:
                return
            self.cursor.execute("SET statement_timeout = %d" % TIMEOUT_MS)
            start = time.monotonic()
            state = self.run(name, statement)
            took = (time.monotonic() - start) * 1000
            if not self.alive:
                return
            try:
                self.cursor.execute("RESET statement_timeout")
            except psycopg2.Error:  # the cancel came as the call ended
                self.cursor.execute("RESET statement_timeout")
            self.tap.check(name, state not in MISSING, "%s: %s" % (state, statement))
            if took <= TIMEOUT_MS + CANCEL_MS:
                return
            late.append(int(took - TIMEOUT_MS))
        self.tap.check(name, False, "%s: %s ms late, then %s" % (statement, late, state))

    def still_there(self):
        if self.alive:
            self.cursor.execute("SELECT pg_backend_pid()")
            self.tap.check("the same backend to the end", self.cursor.fetchone()[0] == self.pid)
        else:
            self.tap.check("the same backend to the end", False, "connection lost")


# --- odd arguments in every position ---------------------------------------------------------------

ODD = {
    "text": ["NULL", "''", "'nonsense'", "'linear'", "'NULL'", "repeat('x', 100000)", "E'\\\\'", "'é'"],
    "text[]": [
        "NULL",
        "'{}'",
        "'{NULL}'",
        "'{a,NULL,b}'",
        "'{{a,b},{c,d}}'",
        "'[5:6]={a,b}'",
        "'[-2147483648:-2147483647]={a,b}'",
        "'{(unattributed)}'",
        "'{(start),(conversion),(null)}'",
        "'{\"\"}'",
        "array_fill('a'::text, ARRAY[20000])",
        "ARRAY(SELECT 'c' || i FROM generate_series(1, 3000) i)",
        "ARRAY[repeat('long', 100000)]",
    ],
    "boolean": ["NULL", "true", "false"],
    "integer": ["NULL", "0", "-1", "1", "2", "26", "27", "1000", "2147483647", "(-2147483648)"],
    "bigint": ["NULL", "0", "-1", "1", "3", "9223372036854775807", "(-9223372036854775808)"],
    "numeric": ["NULL", "'NaN'", "'Infinity'", "'-Infinity'", "-1", "0", "0.5", "1e19", "9223372036854775807", "1e1000"],
    "double precision": ["NULL", "'NaN'", "'Infinity'", "'-Infinity'", "-1", "'-0'", "0", "1", "1e308", "5e-324", "1.1e15"],
    "jsonb": [
        "NULL",
        "'{}'",
        "'[]'",
        "'null'",
        "'1'",
        "'\"x\"'",
        "'{\"\":{}}'",
        "'{\"a\":null}'",
        "'{\"a\":1e400}'",
        "'{\"a\":-1}'",
        "'{\"a\":\"1 day\"}'",
        "'[\"exposure\",\"nonsense\"]'",
        "'[[]]'",
        "'[{}]'",
        "'[null]'",
        "'[{\"remove_if_not_all\":null}]'",
        "'[{\"remove_if_not_all\":[1]}]'",
        "'[{\"remove_if_not_all\":[]}]'",
        "'[{\"remove_if_not_all\":[\"a\"],\"first\":1}]'",
        "'{\"markov\":{\"markov_order\":0},\"shapley\":[]}'",
        "'{\"markov\":{\"markov_order\":\"2\"}}'",
        "'{\"last_touch\":{\"ignore\":[[\"a\"]]}}'",
        "'{\"touched_at\":[\"infinity\"],\"half_life\":\"0\"}'",
        "(repeat('[', 1000) || repeat(']', 1000))::jsonb",
        "(SELECT jsonb_object_agg('k' || i, i) FROM generate_series(1, 20000) i)",
        "(SELECT jsonb_agg('exposure'::text) FROM generate_series(1, 5000) i)",
    ],
    "interval": [
        "NULL",
        "'0'",
        "'-1 day'",
        "'1 month'",
        "'1 month -30 days'",
        "'1 microsecond'",
        "'2147483647 days'",
        "'106751991 days'",
        "'106751992 days'",
        "'178000000 years'",
        "'2147483647 days 2562047788 hours'",
        "'-2147483648 days'",
    ],
    "timestamp with time zone": [
        "NULL",
        "'infinity'",
        "'-infinity'",
        "'4713-01-01 00:00:00+00 BC'",
        "'294276-12-31 23:59:59+00'",
        "'2024-01-01'",
    ],
    "timestamp with time zone[]": ["NULL", "'{}'", "'{NULL}'", "'{infinity}'"],
    "double precision[]": ["NULL", "'{}'", "'{NULL}'", "'{NaN}'"],
    "date": ["NULL", "'infinity'", "'-infinity'", "'2024-01-01'"],
    "uuid": ["NULL", "'00000000-0000-0000-0000-000000000000'"],
    "bytea": ["NULL", "''", "'\\x00'", "'\\xffffffffffffffff'"],
    "cstring": ["NULL", "''", "'{}'", "'null'"],
    "attrib.journey_summary": ["NULL", "(SELECT s FROM samples WHERE c = 0)", "(SELECT s FROM samples WHERE c = 1)",
                               "(SELECT s FROM samples WHERE c = 2)", "(SELECT s FROM samples WHERE c = 3)"],
    "attrib.journey_options": [
        "NULL",
        "journey_options()",
        "ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        "ROW('1 month', 0, NULL, 'infinity', '-infinity', 'infinity', '0', '[]', '{}', '', '[]')",
        "ROW('1 day', 1, true, '294276-12-31', '294276-12-31', '4713-01-01 BC', '1 day', '{}', '[]', 'Mars/Olympus', '{}')",
        "ROW('2147483647 days', 2147483647, true, '4713-01-01 BC', NULL, NULL, '1 microsecond', '{\"a\":\"1 month\"}', '[1]', 'UTC', '{\"x\":1}')",
    ],
    "attrib.journey_row": [
        "NULL",
        "ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        "ROW('{a,b}', '{2024-01-01,2024-01-02}', '{x,y}', '2024-01-03', 'z', '2024-01-02', 1, false)",
        "ROW('{a,b}', '{2024-01-01}', '{x}', '2024-01-03', 'z', '2024-01-02', 1, false)",
        "ROW('{a,b}', NULL, NULL, '2024-01-03', NULL, NULL, 1, true)",
        "ROW('{a,b}', '{infinity,-infinity}', '{NULL,NULL}', 'infinity', 'z', '-infinity', 'NaN', false)",
        "ROW('{{a},{b}}', '{{2024-01-01},{2024-01-02}}', '{{x},{y}}', NULL, NULL, '2024-01-02', -1, NULL)",
        "ROW('{a}', '{NULL}', '{x}', NULL, NULL, '2024-01-02', 5, false)",
        "ROW('{(null)}', '{2024-01-01}', '{x}', '2024-01-03', 'z', '2024-01-02', 1e300, true)",
    ],
}

# One argument that works, by type; the others vary one at a time.
PLAIN = {
    "text": "'a'",
    "text[]": "'{a,b,a}'",
    "boolean": "true",
    "integer": "2",
    "bigint": "1",
    "numeric": "3",
    "double precision": "0.25",
    "jsonb": "'{}'",
    "interval": "'1 day'",
    "timestamp with time zone": "'2024-01-01'",
    "timestamp with time zone[]": "'{2024-01-01}'",
    "double precision[]": "'{1}'",
    "date": "'2024-01-01'",
    "uuid": "'12345678-1234-1234-1234-123456789abc'",
    "bytea": "'\\x01'",
    "cstring": "'{}'",
    "attrib.journey_summary": "(SELECT s FROM samples WHERE c = 0)",
    "attrib.journey_options": "journey_options()",
    "attrib.journey_row": "ROW('{a,b}', '{2024-01-01,2024-01-02}', '{x,y}', '2024-01-03', 'z', '2024-01-02', 1, false)",
}

# Where the plain argument of that type would not do.
PLAIN_NAMED = {
    "game": "'rate'",
    "model": "'linear'",
    "models": "'{linear,markov}'",
    "transforms": "'[\"exposure\"]'",
    "time_zone": "'UTC'",
    "samples": "500",
    "max_exact": "20",
    "users": "50",
    "replicates": "20",
    "level": "0.9",
    "effects": "'{\"a\":1,\"b\":2}'",
    "kind": "'pdf'",
    "method": "'ridge'",
    "adstock": "'geometric'",
    "saturation": "'hill'",
    "trend": "'linear'",
    "by": "'total'",
    "spend": "'at_most'",
    "objective": "'revenue'",
    "treated": "'{10,11,12,15,16,17}'",
    "control": "'{10,11,12,12,13,13}'",
    "pre_periods": "3",
    "media": "'{\"tv\": 1}'",
}


def plain_states(name):
    """What a call with sensible arguments gives: some need more than their types say."""
    if name == "time_decay_attr":  # a clock
        return ("55000",)
    if name == "mmm_dataset_agg":  # three rows of one and the same period
        return ("22023",)
    if name.rsplit("_", 1)[-1] in ("trans", "combine", "final", "serial", "deserial"):  # an aggregate around it
        return ("0A000", "00000")
    return ("00000",)


def functions(cursor):
    """(oid, name, kind, [(argument name, type)]) of the extension's own functions that SQL can call."""
    cursor.execute(
        "SELECT p.oid, p.proname, p.prokind, coalesce(p.proargnames, '{}'), coalesce(p.proargmodes::text[], '{}'),"
        " ARRAY(SELECT CASE WHEN n.nspname = 'attrib' THEN 'attrib.' || t.typname ELSE format_type(t.oid, NULL) END"
        " FROM unnest(p.proargtypes) WITH ORDINALITY u(o, i) JOIN pg_type t ON t.oid = u.o JOIN pg_namespace n"
        " ON n.oid = t.typnamespace ORDER BY i)"
        " FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'"
        " JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass"
        " WHERE e.extname = 'attrib' ORDER BY p.proname, p.oid"
    )
    for oid, name, kind, names, modes, types in cursor.fetchall():
        if any(t in ("internal", '"any"', "anyelement") for t in types):
            continue
        inputs = [n for n, m in zip(names, modes)if m in ("i", "b", "v")] if modes else names
        inputs = list(inputs) + [""] * (len(types) - len(inputs))
        yield oid, name, kind, list(zip(inputs, types))


def cast(value, type_name):
    return "%s::%s" % (value, type_name)


def plain(argument):
    name, type_name = argument
    if type_name in ("attrib.mmm_model", "attrib.mmm_dataset"):
        return cast("NULL", type_name)
    return cast(PLAIN_NAMED.get(name, PLAIN.get(type_name, "NULL")), type_name)


def check_arguments(server, tap):
    cursor = server.cursor
    found = list(functions(cursor))
    tap.check("functions found in the catalogue", len(found) >= 30, len(found))
    cursor.execute("SET statement_timeout = '3s'")
    for oid, name, kind, arguments in found:
        title = "odd arguments: %s" % name
        base = [plain(a) for a in arguments]
        calls = [base, [cast("NULL", t) for _, t in arguments]]
        for i, (_, type_name) in enumerate(arguments):
            for odd in ODD.get(type_name, ["NULL"]):
                calls.append(base[:i] + [cast(odd, type_name)] + base[i + 1:])
        for call in calls:
            text = "attrib.%s(%s)" % (name, ", ".join(call))
            if kind == "a":
                state = server.run(title, "SELECT %s FROM generate_series(1, 3)" % text)
                server.run(title, "SELECT %s FROM generate_series(1, 0)" % text)
            elif kind == "w":
                state = server.run(title, "SELECT %s OVER () FROM generate_series(1, 3)" % text)
            else:
                state = server.run(title, "SELECT * FROM %s f LIMIT 20000" % text)
            if call is base and not name.endswith("_in"):
                tap.check("a plain call of every function works", state in plain_states(name), "%s: %s" % (text, state))
            tap.check(title, state not in MISSING, "%s: %s" % (text, state))
        if kind == "a":
            # one odd row among others, groups emptied by a filter, and a moving frame
            for call in calls[:40]:
                text = "attrib.%s(%s)" % (name, ", ".join(call))
                server.run(title, "SELECT g % 2, %s FILTER (WHERE g = 1) FROM generate_series(1, 3) g GROUP BY 1".replace("%s", text))
                server.run(
                    title,
                    "SELECT %s OVER (ORDER BY g ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM generate_series(1, 3) g" % text,
                )
        if not server.alive:
            return
    cursor.execute("RESET statement_timeout")


def check_states(server, tap):
    """Errors whose class is promised."""
    touches = "journey_summary_agg(1::bigint, '2024-01-01'::timestamptz, %s, %s, %s)"
    for statement, state in (
        ("SELECT journey_summary_agg('{a,NULL}'::text[], true)", None),
        ("SELECT journey_summary_agg('{(start)}'::text[], true)", "22023"),
        ("SELECT journey_summary_agg('{(null)}'::text[], true)", "22023"),
        ("SELECT journey_summary_agg('{(conversion)}'::text[], true)", "22023"),
        ("SELECT journey_summary_agg('{(unattributed)}'::text[], true)", "22023"),
        ("SELECT journey_summary_agg('{a}'::text[], true, 'NaN')", "22023"),
        ("SELECT journey_summary_agg('{a}'::text[], true, 'Infinity')", "22023"),
        ("SELECT journey_summary_agg('{a}'::text[], true, 1.0000001e15)", "22023"),
        ("SELECT journey_summary_agg('{a}'::text[], true, 1e15)", "00000"),
        ("SELECT journey_summary_agg('{a}'::text[], true, -1)", "22023"),
        ("SELECT journey_summary_agg('{a}'::text[], false, 1)", "22023"),
        ("SELECT journey_summary_agg('{a}'::text[], 1.5, 0, 0)", "22023"),
        ("SELECT journey_summary_agg('{a}'::text[], -1, 0, 0)", "22023"),
        ("SELECT journey_summary_agg('{a}'::text[], 0, -1, 0)", "22023"),
        ("SELECT journey_summary_agg('{a}'::text[], 'NaN'::numeric, 0, 0)", "22023"),
        ("SELECT journey_summary_agg('{a}'::text[], 9223372036854775807, 1, 0)", "22003"),
        ("SELECT journey_summary_agg('{a}'::text[], 9223372036854775807, 0, 0)", "00000"),
        (
            "SELECT journey_summary_agg(ARRAY[i::text], 5e18, 0, 0) FROM generate_series(1, 2) i",
            "22003",
        ),
        (
            "SELECT rollup(s) FROM (SELECT journey_summary_agg(ARRAY[i::text], 5e18, 0, 0) AS s"
            " FROM generate_series(1, 2) i GROUP BY i) x",
            "22003",
        ),
        ("SELECT " + touches % ("'a'", "false", "1"), "22023"),
        ("SELECT " + touches % ("NULL", "true", "-1"), "22023"),
        ("SELECT " + touches % ("NULL", "true", "'NaN'"), "22023"),
        ("SELECT " + touches % ("'(start)'", "true", "1"), "22023"),
        ("SELECT journey_summary_agg(1::bigint, 'infinity'::timestamptz, 'a', true, 1)", None),
        ("SELECT journey_summary_agg(1::bigint, NULL::timestamptz, 'a', true, 1)", None),
        ("SELECT journey_options(lookback => '1 month')", "22023"),
        ("SELECT journey_options(lookback => '0')", "22023"),
        ("SELECT journey_options(lookback => '-1 day')", "22023"),
        ("SELECT journey_options(half_life => '0')", "22023"),
        ("SELECT journey_options(half_life => '1 year')", "22023"),
        ("SELECT journey_options(max_touches => 0)", "22023"),
        ("SELECT journey_options(transforms => '[\"nonsense\"]')", "22023"),
        ("SELECT journey_options(extra => '{\"nonsense\":1}')", "22023"),
        ("SELECT journey_options(channel_lookback => '{\"a\":\"1 month\"}')", "22023"),
        ("SELECT journey_options(time_zone => 'Mars/Olympus')", "22023"),
        ("SELECT position_based_attr(s, 0.7, 0.7) FROM samples WHERE c = 0", "22023"),
        ("SELECT position_based_attr(s, -0.1, 0.7) FROM samples WHERE c = 0", "22023"),
        ("SELECT position_decay_attr(s, 0) FROM samples WHERE c = 0", "22023"),
        ("SELECT position_decay_attr(s, 1.5) FROM samples WHERE c = 0", "22023"),
        ("SELECT position_decay_attr(s, 'NaN') FROM samples WHERE c = 0", "22023"),
        ("SELECT shapley_attr(s, game => 'chess') FROM samples WHERE c = 0", "22023"),
        ("SELECT shapley_attr(s, max_exact => 27) FROM samples WHERE c = 0", "22023"),
        ("SELECT shapley_attr(s, samples => 0) FROM samples WHERE c = 0", "22023"),
        ("SELECT markov_removal_effect(s, 0) FROM samples WHERE c = 0", "22023"),
        ("SELECT markov_removal_effect(s, -5) FROM samples WHERE c = 0", "22023"),
        ("SELECT time_decay_attr(s) FROM samples WHERE c = 0", "55000"),
        ("SELECT attribution_models(s, '{nonsense}') FROM samples WHERE c = 0", "22023"),
        ("SELECT attribution_models(s, options => '{\"nonsense\":{}}') FROM samples WHERE c = 0", "22023"),
        ("SELECT attribution_models(s, '{time_decay}') FROM samples WHERE c = 0", "55000"),
        ("SELECT touch_credit('{a}', 'nonsense')", "22023"),
        ("SELECT transform_path('{a}', '[\"nonsense\"]')", "22023"),
        ("SELECT transform_path('{a}', '{}')", "22023"),
        ("SELECT map_channels(s, '{\"a\":\"(start)\"}') FROM samples WHERE c = 0", "22023"),
        ("SELECT map_channels(s, '{\"a\":1}') FROM samples WHERE c = 0", "22023"),
        ("SELECT rollup(s) FROM samples", "22023"),
    ):
        got = server.run("promised errors do not crash", statement)
        tap.check(
            "promised SQLSTATEs",
            got == state if state else got not in ("00000", None) and got not in FORBIDDEN,
            "%s: got %s want %s" % (statement, got, state or "an error"),
        )
    for function in (
        "first_touch_attr last_touch_attr linear_attr position_based_attr position_decay_attr time_decay_attr shapley_attr"
        " shapley_attr_ordered markov_removal_effect markov_transitions markov_choose_order attribution_models journeys"
        " channels summary_stats"
    ).split():
        try:
            server.cursor.execute("SELECT count(*) FROM %s(NULL::journey_summary)" % function)
            tap.check("a NULL summary gives no rows", server.cursor.fetchone()[0] == 0, function)
        except psycopg2.Error as error:
            tap.check("a NULL summary gives no rows", False, "%s: %s" % (function, error))


# --- damaged values --------------------------------------------------------------------------------

QUESTIONS = (
    "SELECT (SELECT count(*) FROM journeys(s)) + (SELECT count(*) FROM channels(s)) + (SELECT count(*) FROM summary_stats(s))"
    " + (SELECT count(*) FROM linear_attr(s)) + (SELECT count(*) FROM shapley_attr(s)) + (SELECT count(*) FROM markov_transitions(s))"
    " + (SELECT count(*) FROM shapley_attr_ordered(s)) + (SELECT count(*) FROM markov_removal_effect(s, 2)) FROM %s"
)


def damage_bytes(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 4, 16])):
        if not data:
            break
        how, i = rng.randrange(8), rng.randrange(len(data))
        if rng.random() < 0.4:
            i = rng.randrange(min(len(data), 48))  # the header is where it hurts
        if how <= 1:
            data[i] ^= 1 << rng.randrange(8)
        elif how == 2:
            data[i] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif how == 3:
            del data[i:]
        elif how == 4:
            del data[i:i + rng.randint(1, 9)]
        elif how == 5:
            data[i:i] = bytes(rng.choice([0, 0xFF, rng.randrange(256)]) for _ in range(rng.randint(1, 9)))
        elif how == 6:
            width = rng.choice([2, 4, 8])
            i = i // width * width
            value = rng.choice([0, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1])
            data[i:i + width] = (value & (2 ** (8 * width) - 1)).to_bytes(width, rng.choice(["little", "big"]))
        else:
            j = rng.randrange(len(data))
            n = rng.randint(1, 12)
            data[i:i + n] = data[j:j + n]
    return bytes(data)


def copy_in_binary(server, name, payloads):
    """One COPY of one column; SQLSTATE."""
    parts = [b"PGCOPY\n\xff\r\n\0", struct.pack("!ii", 0, 0)]
    for payload in payloads:
        parts.append(struct.pack("!hi", 1, len(payload)) + payload)
    parts.append(struct.pack("!h", -1))
    try:
        server.cursor.copy_expert("COPY damaged FROM STDIN (FORMAT binary)", io.BytesIO(b"".join(parts)))
        state = "00000"
    except psycopg2.Error as error:
        state = error.pgcode
        if server.connection.closed or state is None:
            server.alive = False
            server.tap.check(name, False, "connection lost: %s by %s" % (error, payloads[0].hex()))
            return None
    server.tap.check(name, state not in FORBIDDEN, "%s by %s" % (state, payloads[0].hex()))
    return state


def check_binary(server, tap):
    rng = random.Random("binary:%d" % SEED)
    cursor = server.cursor
    cursor.execute("CREATE TABLE damaged (s journey_summary)")
    cursor.execute("SELECT c, journey_summary_send(s) FROM samples WHERE c <= 9 ORDER BY c")
    samples = [bytes(row[1]) for row in cursor.fetchall()]
    accepted = 0
    cursor.execute("SET statement_timeout = '5s'")

    def feed(payload):
        nonlocal accepted
        name = "damaged binary values"
        if copy_in_binary(server, name, [payload]) != "00000":
            return
        accepted += 1
        state = server.run("what damaged binary values leave answers questions", QUESTIONS % "damaged")
        if server.alive:
            try:
                cursor.execute("SELECT s::text::journey_summary = s FROM damaged")
                tap.check("what is accepted is canonical", cursor.fetchone()[0], payload.hex())
            except psycopg2.Error as error:
                tap.check("what is accepted is canonical", False, "%s by %s (%s)" % (error, payload.hex(), state))
            cursor.execute("TRUNCATE damaged")

    small = [s for s in samples if len(s) < 4000]
    for sample in small[:3]:
        for length in range(min(len(sample), 400)):  # every truncation
            feed(sample[:length])
        for i in range(min(len(sample), 160)):  # every bit of the front
            for bit in range(8):
                feed(sample[:i] + bytes([sample[i] ^ (1 << bit)]) + sample[i + 1:])
            if not server.alive:
                return
        feed(sample + b"\0")
    for _ in range(FUZZ):
        if not server.alive:
            return
        feed(damage_bytes(rng, rng.choice(small)))
    cursor.execute("RESET statement_timeout")
    print("# %d damaged binary values were accepted as other summaries" % accepted)


TOKENS = (
    ['""', "{", "}", "[", "]", ",", ":", "null", "true", "false", "0", "1", "-1", "1.5", "1e400", "-0"]
    + ["9223372036854775807", "9223372036854775808", "18446744073709551616", "340282366920938463463374607431768211456"]
    + ['"a"', '"(start)"', '"\\u0000"', '"\\ud800"', '"' + "x" * 70000 + '"', "[" * 50, '{"a":' * 50]
)


def damage_text(rng, text):
    for _ in range(rng.choice([1, 1, 2, 4])):
        how = rng.randrange(7)
        i = rng.randrange(len(text) + 1)
        if how == 0:
            text = text[:i]
        elif how == 1:
            text = text[:i] + text[i + rng.randint(1, 6):]
        elif how == 2:
            text = text[:i] + rng.choice(TOKENS) + text[i:]
        elif how == 3:
            text = text[:i] + chr(rng.choice([1, 34, 44, 45, 48, 57, 91, 92, 93, 123, 125, 233, 0x1F600])) + text[i + 1:]
        elif how == 4:
            j = rng.randrange(len(text) + 1)
            text = text[:i] + text[min(i, j):max(i, j)] + text[i:]
        else:
            text = replace_number(rng, text)
    return text


def replace_number(rng, text):
    numbers = list(re.finditer(r"-?\d+(\.\d+)?", text))
    if not numbers:
        return text
    n = rng.choice(numbers)
    return text[:n.start()] + rng.choice([t for t in TOKENS if t[0] not in "{}],:"]) + text[n.end():]


def replace_node(rng, value):
    """A JSON document with one node of its tree changed, dropped or doubled."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        value = dict(value)
        key = rng.choice(list(value))
        how = rng.randrange(5)
        if how == 0:
            del value[key]
        elif how == 1:
            value[key + "x"] = value[key]
        else:
            value[key] = replace_node(rng, value[key])
        return value
    if isinstance(value, list) and value and rng.random() < 0.8:
        value = list(value)
        i = rng.randrange(len(value))
        how = rng.randrange(6)
        if how == 0:
            del value[i]
        elif how == 1:
            value.insert(i, value[rng.randrange(len(value))])
        elif how == 2:
            value.reverse()
        else:
            value[i] = replace_node(rng, value[i])
        return value
    return rng.choice([None, True, 0, 1, -1, 2**31, 2**63 - 1, 2**63, 2**70, 0.5, 1e300, "", "a", "(null)", [], {}, [[]], {"a": 1}])


def check_text(server, tap):
    rng = random.Random("text:%d" % SEED)
    cursor = server.cursor
    cursor.execute("TRUNCATE damaged")
    cursor.execute("SELECT s::text FROM samples WHERE c <= 9 AND length(s::text) < 8000 ORDER BY c")
    samples = [row[0] for row in cursor.fetchall()]
    cursor.execute("SET statement_timeout = '5s'")
    for number in range(FUZZ):
        text = rng.choice(samples)
        if rng.random() < 0.5:
            try:
                document = json.loads(text)
                for _ in range(rng.choice([1, 1, 2, 3])):
                    document = replace_node(rng, document)
                text = json.dumps(document, ensure_ascii=rng.random() < 0.5)
            except ValueError:
                pass
        else:
            text = damage_text(rng, text)
        state = server.run("damaged text values", "INSERT INTO damaged VALUES (%s::text::journey_summary)", (text,))
        if not server.alive:
            return
        if state == "00000":
            server.run("what damaged text values leave answers questions", QUESTIONS % "damaged")
            if not server.alive:
                return
            try:
                cursor.execute(
                    "SELECT bool_and(s::text::journey_summary = s AND s IS NOT DISTINCT FROM rollup) FROM damaged,"
                    " LATERAL (SELECT rollup(s) FROM (SELECT s) x) y"
                )
                tap.check("what is read from text is canonical", cursor.fetchone()[0], text)
            except psycopg2.Error as error:
                tap.check("what is read from text is canonical", False, "%s by %s" % (error, text))
            cursor.execute("TRUNCATE damaged")
    for name, literal in (
        ("deep arrays", "repeat('[', 1000000)"),
        ("deep objects", "repeat('{\"a\":', 300000)"),
        ("a long number", "repeat('9', 1000000)"),
        ("a long string", "'\"' || repeat('x', 10000000) || '\"'"),
        ("empty", "''"),
        ("spaces", "repeat(' ', 1000000)"),
        ("many keys", "(SELECT json_object_agg('k' || i, i)::text FROM generate_series(1, 100000) i)"),
    ):
        server.run("huge and deep text: " + name, "SELECT (%s)::text::journey_summary" % literal)
    cursor.execute("RESET statement_timeout")


# --- long and wide ---------------------------------------------------------------------------------


def check_large(server, tap):
    cursor = server.cursor
    for name, statement in (
        (
            "long path",
            "CREATE TABLE long_path AS SELECT journey_summary_agg(ARRAY(SELECT 'c' || (i * i % 23) FROM generate_series(1, 20000) i),"
            " g % 2 = 0, CASE WHEN g % 2 = 0 THEN 5 END) AS s FROM generate_series(1, 4) g",
        ),
        (
            "many channels",
            "CREATE TABLE wide AS SELECT journey_summary_agg(ARRAY['c' || i, 'c' || (i * 7 % 70000), 'c' || (i * 31 % 70000)], i % 3 = 0,"
            " CASE WHEN i % 3 = 0 THEN 1 END) AS s FROM generate_series(0, 69999) i",
        ),
        (
            "many paths",
            "CREATE TABLE many_paths AS SELECT journey_summary_agg(ARRAY(SELECT 'c' || (hashint8(i * 8 + k) & 255) FROM"
            " generate_series(1, 6) k), i % 3 = 0) AS s FROM generate_series(1::bigint, 60000) i",
        ),
        (
            "26 channels",
            "CREATE TABLE dense AS SELECT journey_summary_agg(ARRAY(SELECT 'c' || k FROM generate_series(0, 25) k"
            " WHERE (hashint8(i) >> k & 1) = 1), i % 3 = 0) AS s FROM generate_series(1::bigint, 20000) i",
        ),
        (
            "long user",
            "CREATE TABLE long_user AS SELECT journey_summary_agg(1::bigint, timestamptz '2024-01-01' + i * interval '1 second',"
            " 'c' || i % 5, i % 1000 = 0, 0, journey_options(max_touches => 50)) AS s FROM generate_series(1, 60000) i",
        ),
    ):
        tap.check("building large summaries: " + name, server.run("large summaries", statement) == "00000", statement)
    tables = ["long_path", "wide", "many_paths", "dense", "long_user"]
    for table in tables:
        for call in (
            "SELECT count(*) FROM {t}, journeys(s)",
            "SELECT count(*) FROM {t}, channels(s)",
            "SELECT count(*) FROM {t}, summary_stats(s)",
            "SELECT count(*) FROM {t}, first_touch_attr(s, ARRAY(SELECT 'c' || i FROM generate_series(0, 69999) i))",
            "SELECT count(*) FROM {t}, linear_attr(s)",
            "SELECT count(*) FROM {t}, position_decay_attr(s)",
            "SELECT count(*) FROM {t}, shapley_attr(s)",
            "SELECT count(*) FROM {t}, shapley_attr_ordered(s)",
            "SELECT count(*) FROM {t}, shapley_attr(s, game => 'rate', max_exact => 26)",
            "SELECT count(*) FROM {t}, shapley_attr(s, game => 'exact_rate', max_exact => 26)",
            "SELECT count(*) FROM {t}, shapley_attr(s, game => 'rate', max_exact => 2, samples => 2000000000)",
            "SELECT count(*) FROM {t}, shapley_attr(s, game => 'exact_rate', max_exact => 2, samples => 2000000000)",
            "SELECT count(*) FROM {t}, markov_removal_effect(s)",
            "SELECT count(*) FROM {t}, markov_removal_effect(s, 2)",
            "SELECT count(*) FROM {t}, markov_removal_effect(s, 5, false)",
            "SELECT count(*) FROM {t}, markov_removal_effect(s, 1000)",
            "SELECT count(*) FROM {t}, markov_removal_effect(s, 19999)",
            "SELECT count(*) FROM {t}, markov_removal_effect(s, 2147483647)",
            "SELECT count(*) FROM {t}, markov_transitions(s, 1000)",
            "SELECT count(*) FROM {t}, markov_transitions(s, 10000)",
            "SELECT count(*) FROM {t}, markov_transitions(s, 3, false)",
            "SELECT count(*) FROM {t}, markov_choose_order(s)",
            "SELECT count(*) FROM {t}, markov_choose_order(s, 2147483647)",
            "SELECT count(*) FROM {t}, attribution_models(s)",
            "SELECT map_channels(s, (SELECT jsonb_object_agg('c' || i, 'c' || i / 2) FROM generate_series(0, 69999) i)) FROM {t}",
            "SELECT map_channels(s, (SELECT jsonb_object_agg('c' || i, 'x') FROM generate_series(0, 69999) i)) FROM {t}",
            "SELECT length(s::text) FROM {t}",
            "SELECT s::text::journey_summary FROM {t}",
            "SELECT length(journey_summary_send(s)) FROM {t}",
            "SELECT rollup(s) FROM {t}, generate_series(1, 50)",
            "SELECT s = s, s < s FROM {t}",
        ):
            server.timed("long calls end when cancelled: " + table, call.format(t=table))
            if not server.alive:
                return
    for call in (
        "SELECT journey_summary_agg(ARRAY['c' || i], true, 1) FROM generate_series(1, 100000000) i",
        "SELECT journey_summary_agg(i::bigint, timestamptz '2024-01-01', 'c' || i % 100, true, 1) FROM generate_series(1, 100000000) i",
        "SELECT journey_summary_agg(1::bigint, timestamptz '2024-01-01' + i * interval '1 ms', 'c' || i % 100, true, 1,"
        " journey_options(lookback => NULL)) FROM generate_series(1, 200000) i",
        "SELECT journey_agg(timestamptz '2024-01-01' + i * interval '1 ms', 'c' || i % 100, true, 1, 'e' || i,"
        " journey_options(lookback => NULL)) FROM generate_series(1, 200000) i",
        "SELECT journey_parts_agg(i % 1000::bigint, timestamptz '2024-01-01' + i * interval '1 hour', 'c', true, 1, 's' || i,"
        " journey_options(lookback => NULL)) FROM generate_series(1, 300000) i",
        "SELECT transform_path(ARRAY(SELECT 'c' || i FROM generate_series(1, 300000) i), '[\"first\",\"frequency\",\"exposure\"]')",
        "SELECT transform_path(array_fill('a'::text, ARRAY[1000000]), (SELECT jsonb_agg('frequency'::text) FROM generate_series(1, 3000) i))",
        "SELECT cardinality(touch_credit(array_fill('a'::text, ARRAY[1000000]), 'position_decay'))",
        "SELECT touch_credit_by_effect(ARRAY(SELECT 'c' || i FROM generate_series(1, 200000) i),"
        " (SELECT jsonb_object_agg('c' || i, 1) FROM generate_series(1, 200000) i))",
        "SELECT rollup(s) FROM (SELECT journey_summary_agg(ARRAY['c' || i], true, 1) AS s FROM generate_series(1, 100000) i GROUP BY i) x",
        "SELECT ('{\"version\":1,\"channels\":[\"a\"],\"paths\":[{\"path\":[' || repeat('0,', 5000000)"
        " || '0],\"lost\":1}]}')::journey_summary",
        "SELECT count(*) FROM generate_events(9223372036854775807)",
        "SELECT count(*) FROM generate_events(100000000)",
        "SELECT count(*) FROM generate_events_probability(100000000)",
    ):
        server.timed("long calls end when cancelled: builders", call)
        if not server.alive:
            return
    cursor.execute("DROP TABLE IF EXISTS " + ", ".join(tables))


def make_samples(tap, cursor):
    """Values to damage and to ask: bare paths, counted, events with a clock, empty paths, odd names, one of 1 100 channels."""
    cursor.execute("CREATE TABLE samples (c int, s journey_summary)")
    names = [n for n in NASTY if len(n) < 20]
    rows = [
        "SELECT 0, journey_summary_agg(ARRAY['a', 'b', 'a', chr(99 + i % 3)], i % 2 = 0, CASE WHEN i % 2 = 0 THEN i END)"
        " FROM generate_series(1, 6) i",
        "SELECT 1, journey_summary_agg(i % 4::bigint, timestamptz '2024-01-01' + i * interval '7 hours', 'c' || i % 3, i % 5 = 0, 0,"
        " journey_options(observed_until => '2024-01-05', channel_lookback => '{\"c1\":\"1 day\"}', transforms => '[\"first\"]'))"
        " FROM generate_series(1, 30) i",
        "SELECT 2, journey_summary_agg('{}'::text[], i = 1, 5 * (i = 1)::int) FROM generate_series(1, 2) i",
        "SELECT 3, journey_summary_agg(NULL::text[], 0, 0, 0)",
        "SELECT 4, journey_summary_agg(ARRAY['x', 'y'], 9223372036854775806, 1, 999999999999999)",
        "SELECT 5, journey_summary_agg(ARRAY['c' || i, 'c' || i + 1], i % 3, i % 7, 0) FROM generate_series(1, 1100) i",
    ]
    for row in rows:
        try:
            cursor.execute("INSERT INTO samples " + row)
            tap.check("values to damage", True)
        except psycopg2.Error as error:
            tap.check("values to damage", False, error)
    cursor.execute(
        "INSERT INTO samples SELECT 6, journey_summary_agg(ARRAY[n, %s], true, 0.1) FROM unnest(%s::text[]) n", (names[2], names)
    )


def main():
    print("# ATTRIB_SEED=%d ATTRIB_FUZZ_CASES=%d ATTRIB_CANCEL_MS=%d" % (SEED, FUZZ, CANCEL_MS))
    connection = connect()
    tap = Tap()
    server = Server(tap, connection)
    make_samples(tap, server.cursor)
    for step in (check_states, check_arguments, check_binary, check_text, check_large):
        if server.alive:
            step(server, tap)
    server.still_there()
    if server.alive:
        drop_schema(connection)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
