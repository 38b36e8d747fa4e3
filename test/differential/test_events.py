#!/usr/bin/python3
"""
Random event logs, every journey option drawn at random: journeys, parts, summaries and models against
the reference, and what must not change a byte of them.

ATTRIB_SEED, ATTRIB_EVENT_CASES; ATTRIB_CASE runs one case alone.
"""
import json
import sys
import uuid
from dataclasses import replace

from common import (
    ONLY,
    SEED,
    J,
    M,
    Questions,
    Tap,
    channel_names,
    connect,
    copy_rows,
    drop_schema,
    interval,
    label,
    microseconds,
    order_value,
    pg_array,
    psycopg2,
    question_arguments,
    random,
    same_bytes,
    setting,
    timestamp,
)
from test_paths import PARALLEL, SERIAL, plan

CASES = setting("ATTRIB_EVENT_CASES", 1500)

BASE = 1_700_000_000 * J.SECOND // J.DAY * J.DAY
ZONES = ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Auckland", "Asia/Kathmandu", "Etc/GMT+12"]
USER_TYPES = ["bigint", "uuid", "text"]


def maybe(rng, chance, draw):
    return draw() if rng.random() < chance else None


def random_options(rng, channels, grid, span):
    def instant():
        at = BASE + rng.randrange(0, span + 1) * grid
        return at + rng.choice([0, 0, 0, -1, 1])

    def window():
        return max(1, rng.randint(1, rng.choice([3, 12])) * grid + rng.choice([0, 0, 0, 0, -1, 1]))

    transforms = [
        "exposure",
        "first",
        "unique",
        "frequency",
        {"remove_if_not_all": rng.sample(channels, rng.randint(1, len(channels)))},
        {"remove_if_last_and_not_all": rng.sample(channels, rng.randint(1, len(channels)))},
    ]
    counted = sorted([instant(), instant()])
    options = J.Options(
        lookback=None if rng.random() < 0.12 else window(),
        max_touches=maybe(rng, 0.25, lambda: rng.choice([1, 2, 3, 5, 1000])),
        reuse_touches=rng.random() < 0.6,
        observed_until=maybe(rng, 0.5, instant),
        counted_from=counted[0] if rng.random() < 0.3 else None,
        counted_until=counted[1] if rng.random() < 0.3 else None,
        half_life=maybe(rng, 0.8, lambda: rng.choice([1, grid, 7 * J.DAY, J.HOUR, 10**6 * J.DAY])),
        channel_lookback={c: window() for c in channels if rng.random() < 0.2},
        transforms=[rng.choice(transforms) for _ in range(rng.randint(1, 3))] if rng.random() < 0.35 else [],
        time_zone=rng.choice(ZONES),
    )
    if options.counted_from is not None and options.counted_from == options.counted_until:
        options.counted_until += 1
    return options


def random_user(rng, kind, number):
    if kind == "bigint":
        return str(rng.choice([number, -number, 2**63 - 1 - number, -(2**63) + number]))
    if kind == "uuid":
        return str(uuid.UUID(int=rng.choice([number, 2**128 - 1 - number, rng.getrandbits(128)])))
    return rng.choice(["", "user", "\\", "é", "NULL", "u" * 100]) + str(number)


def random_case(c):
    """(kind of user id, options, events, question arguments)"""
    rng = random.Random("events:%d:%d" % (SEED, c))
    kind = USER_TYPES[c % 3]
    channels = channel_names(rng, rng.choice([1, 2, 2, 3, 3, 4, 5, 6, 9, 12 if c % 10 == 0 else 4]))
    grid = rng.choice([J.DAY, J.DAY, 6 * J.HOUR, J.HOUR, J.MINUTE, 1, 10 * J.DAY + 1])
    span = rng.choice([0, 3, 10, 30])
    options = random_options(rng, channels, grid, span)
    users = [random_user(rng, kind, i + 1) for i in range(rng.choice([1, 1, 2, 3, 6]))]
    users = list(dict.fromkeys(users))
    segments = rng.choice([[None], ["north", "south", None], ["", "NULL", "é", '"']])
    win = rng.choice([0.0, 0.1, 0.2, 0.5])
    events = []
    for i in range(rng.choice([1, 3, 8, 20, 40, 80])):
        user = None if rng.random() < 0.07 else rng.choice(users)
        at = BASE + rng.randint(0, span) * grid + rng.choice([0, 0, 0, 0, 0, 1, -1])
        what = rng.random()
        converted = what < win
        channel = rng.choice(channels) if not converted or rng.random() < 0.3 else None
        if rng.random() < 0.03:
            channel = None  # a row that may be neither
        events.append(
            J.Event(
                user,
                at,
                channel,
                True if converted else rng.choice([False, None]),
                order_value(rng) if converted else rng.choice([None, 0.0]),
                rng.choice(segments),
                rng.choice([None, "e%d" % i, "e%d" % i, "same", '{"x"}']),
            )
        )
        if rng.random() < 0.1:
            events.append(events[-1])
    names = channels
    if "frequency" in options.transforms:
        names = channels + ["%s(1)" % channels[0]]
    return kind, options, events, question_arguments(rng, names)


def options_row(c, o):
    return (
        c,
        interval(o.lookback),
        o.max_touches,
        o.reuse_touches,
        timestamp(o.observed_until),
        timestamp(o.counted_from),
        timestamp(o.counted_until),
        interval(o.half_life),
        json.dumps({k: interval(v) for k, v in o.channel_lookback.items()}),
        json.dumps(o.transforms),
        o.time_zone,
    )


RAW = "journey_summary_agg(u::%s, at, channel, converted, value, o%s)"
PARTS = "journey_parts_agg(u::%s, at, channel, converted, value, segment, o)"


def load(tap, cursor, indices):
    rng = random.Random("load:%d" % SEED)
    drawn = {c: random_case(c) for c in indices}
    cursor.execute(
        "CREATE TABLE raw_options (c int PRIMARY KEY, lookback interval, max_touches int, reuse_touches bool,"
        " observed_until timestamptz, counted_from timestamptz, counted_until timestamptz, half_life interval,"
        " channel_lookback jsonb, transforms jsonb, time_zone text)"
    )
    copy_rows(cursor, "raw_options", [options_row(c, d[1]) for c, d in drawn.items()])
    cursor.execute(
        "CREATE TABLE opts AS SELECT c, journey_options(lookback => lookback, max_touches => max_touches,"
        " reuse_touches => reuse_touches, observed_until => observed_until, counted_from => counted_from,"
        " counted_until => counted_until, half_life => half_life, channel_lookback => channel_lookback,"
        " transforms => transforms, time_zone => time_zone) AS o, lookback, observed_until, time_zone FROM raw_options;"
        " CREATE INDEX ON opts (c); ANALYZE opts"
    )
    lines = []
    for c, (kind, _, events, _) in drawn.items():
        groups = {}
        for e in events:
            group = rng.randrange(4) if e.user is None else groups.setdefault(e.user, rng.randrange(4))
            lines.append(
                (
                    c,
                    kind,
                    e.user,
                    timestamp(e.at),
                    e.channel,
                    e.converted,
                    e.value,
                    e.segment,
                    e.event_id,
                    group,
                    rng.random(),
                )
            )
    rng.shuffle(lines)
    cursor.execute(
        "CREATE TABLE raw_events (c int, kind text, u text, at timestamptz, channel text, converted bool, value float8,"
        " segment text, event_id text, g int, r float8)"
    )
    copy_rows(cursor, "raw_events", lines)
    cursor.execute(
        "ANALYZE raw_events; CREATE VIEW ev AS SELECT * FROM raw_events JOIN opts USING (c);"
        "CREATE TABLE summaries (c int, s journey_summary)"
    )
    for kind in USER_TYPES:
        statement = "INSERT INTO summaries SELECT c, %s FROM ev WHERE kind = '%s' GROUP BY c" % (RAW % (kind, ""), kind)
        try:
            cursor.execute(statement)
            tap.check("summaries of events, user " + kind, True)
        except psycopg2.Error as error:
            tap.check("summaries of events, user " + kind, False, error)
    cursor.execute("CREATE INDEX ON summaries (c); ANALYZE summaries")
    cases = {}
    for c, (kind, options, events, arguments) in drawn.items():
        plain = [replace(e, segment=None, event_id=None) for e in events]
        cases[c] = (J.summarize_events(plain, options), arguments)
    return drawn, cases


def check_journey_rows(tap, cursor, drawn):
    """journey_agg, row by row."""
    name = "journey_agg"
    want = {}
    for c, (_, options, events, _) in drawn.items():
        for user, rows in J.by_user([replace(e, segment=None) for e in events]).items():
            if user is None:
                continue
            want[c, user] = sorted(
                [
                    (
                        j.path,
                        j.touched_at,
                        j.touch_ids,
                        j.converted_at,
                        j.conversion_id,
                        j.ended_at,
                        float(j.value),
                        j.is_open,
                    )
                    for j in J.counted_journeys(rows, options)
                ],
                key=repr,
            )
    try:
        cursor.execute(
            "CREATE TABLE journey_arrays AS SELECT c, u, journey_agg(at, channel, converted, value, event_id, o) AS a"
            " FROM ev WHERE u IS NOT NULL GROUP BY c, u"
        )
        cursor.execute(
            "SELECT c, u, path, touched_at, touch_ids, converted_at, conversion_id, ended_at, value, is_open"
            " FROM journey_arrays, unnest(a)"
        )
    except psycopg2.Error as error:
        tap.check(name, False, error)
        return
    got = {key: [] for key in want}
    for row in cursor.fetchall():
        got[row[0], row[1]].append(
            (
                tuple(row[2]),
                tuple(map(microseconds, row[3])),
                tuple(row[4]),
                microseconds(row[5]),
                row[6],
                microseconds(row[7]),
                row[8] or 0.0,
                row[9],
            )
        )
    for key in want:
        mine = sorted(got[key], key=repr)
        tap.check(name, mine == want[key], "%s user %r: got %s want %s" % (label(key[0]), key[1], mine, want[key]))

    # rows put back into a summary say the same as the events, but for the counters of touches
    name = "journey_agg -> journey_summary_agg(journey_row)"
    try:
        cursor.execute(
            "CREATE TABLE again AS SELECT c, s FROM (SELECT c, journey_summary_agg(j, o) AS s FROM"
            " (SELECT c, unnest(a) AS j FROM journey_arrays) x JOIN opts USING (c) GROUP BY c) y"
        )
    except psycopg2.Error as error:
        tap.check(name, False, error)
        return
    same_answers(
        tap,
        cursor,
        name,
        "again",
        "SELECT c, %s AS s FROM ev WHERE kind = '%s' AND u IS NOT NULL GROUP BY c",
    )


def same_answers(tap, cursor, name, table, statement):
    """Summaries in `table` against those of the raw form, without what only events can tell."""
    questions = (
        "(SELECT array_agg(x::text) FROM journeys(%(s)s) x)",
        "(SELECT array_agg(x::text) FROM channels(%(s)s) x)",
        "(SELECT (journeys, conversions, lost, open, matured, value, channels, distinct_paths, longest_path, unattributed,"
        " options)::text FROM summary_stats(%(s)s))",
        "(SELECT array_agg(x::text) FROM markov_removal_effect(%(s)s) x)",
        "(SELECT array_agg(x::text) FROM shapley_attr(%(s)s, game => 'exact_rate', max_exact => 9) x)",
    )
    for kind in USER_TYPES:
        try:
            cursor.execute(
                "SELECT c, %s FROM %s t JOIN (%s) w USING (c)"
                % (
                    ", ".join(
                        "%s IS NOT DISTINCT FROM %s" % (q % {"s": "t.s"}, q % {"s": "w.s"}) for q in questions
                    ),
                    table,
                    statement % (RAW % (kind, ""), kind),
                )
            )
            for row in cursor.fetchall():
                tap.check(name, all(row[1:]), "%s: %s" % (label(row[0]), row[1:]))
            cursor.execute(
                "SELECT t.c, (SELECT array_agg(x::text) FROM time_decay_attr(t.s) x) IS NOT DISTINCT FROM"
                " (SELECT array_agg(x::text) FROM time_decay_attr(w.s) x) FROM %s t JOIN (%s) w USING (c)"
                " JOIN raw_options r USING (c) WHERE r.half_life IS NOT NULL"
                % (table, statement % (RAW % (kind, ""), kind))
            )
            for row in cursor.fetchall():
                tap.check(name + ", time decay", row[1], label(row[0]))
        except psycopg2.Error as error:
            tap.check(name, False, error)


def check_parts(tap, cursor, drawn):
    """journey_parts_agg: the days and segments, and each one's summary."""
    name = "journey_parts_agg"
    cursor.execute("CREATE TABLE part_rows (c int, day date, segment text, s journey_summary)")
    try:
        for kind in USER_TYPES:
            cursor.execute(
                "INSERT INTO part_rows SELECT c, (p).day, (p).segment, (p).summary FROM (SELECT c, unnest(%s) AS p FROM ev"
                " WHERE kind = '%s' GROUP BY c) x" % (PARTS % kind, kind)
            )
    except psycopg2.Error as error:
        tap.check(name, False, error)
        return
    cursor.execute(
        "CREATE TABLE parts AS SELECT (row_number() OVER ())::int AS c, c AS of_case, day, segment, s FROM part_rows;"
        " CREATE INDEX ON parts (c); ANALYZE parts"
    )
    cursor.execute("SELECT c, of_case, day, segment FROM parts")
    rows = cursor.fetchall()
    got = {}
    for number, c, day, segment in rows:
        got.setdefault(c, {}).setdefault((day, segment), []).append(number)
    cases, origin = {}, {}
    for c, (_, options, events, arguments) in drawn.items():
        want = J.parts_of_events([replace(e, event_id=None) for e in events], options)
        mine = got.get(c, {})
        good = set(mine) == set(want) and all(len(x) == 1 for x in mine.values())
        tap.check(
            name + ": days and segments",
            good,
            "%s: got %s want %s" % (label(c), sorted(mine, key=repr), sorted(want, key=repr)),
        )
        if good:
            for key, s in want.items():
                cases[mine[key][0]] = (s, arguments)
                origin[mine[key][0]] = "%s part %s" % (label(c), key)
    if not cases:
        return
    questions = Questions(PrefixedTap(tap, name + ": "), cursor, "parts", cases, lambda number: origin.get(number))
    questions.basics()
    questions.time_decay()
    questions.credit("linear_attr", "linear_attr(t.s)", lambda s, a: M.linear(s))

    same_bytes(
        tap,
        cursor,
        "daily parts rolled up",
        "SELECT of_case AS c, rollup(parts.s) AS a, summaries.s AS b FROM parts JOIN summaries ON summaries.c = of_case"
        " GROUP BY of_case, summaries.s",
        label,
    )


class PrefixedTap:
    def __init__(self, tap, prefix):
        self.tap, self.prefix = tap, prefix

    def check(self, name, condition, detail=""):
        return self.tap.check(self.prefix + name, condition, detail)


def check_rebuilt_parts(tap, cursor):
    """Parts rebuilt from only the events within lookback of a counting window are those of the full build."""
    cursor.execute(
        "CREATE TABLE windows AS SELECT c, day_from, day_until, from_at, until_at, journey_options(lookback => r.lookback,"
        " max_touches => max_touches, reuse_touches => reuse_touches, observed_until => r.observed_until,"
        " half_life => half_life, channel_lookback => channel_lookback, transforms => transforms,"
        " time_zone => r.time_zone) AS full_o, journey_options(lookback => r.lookback,"
        " max_touches => max_touches, reuse_touches => reuse_touches, observed_until => r.observed_until,"
        " counted_from => from_at, counted_until => until_at, half_life => half_life, channel_lookback => channel_lookback,"
        " transforms => transforms, time_zone => r.time_zone) AS window_o, r.lookback FROM raw_options r,"
        " LATERAL (SELECT min(at) AS low, max(at) AS high FROM raw_events e WHERE e.c = r.c) e,"
        " LATERAL (SELECT (low + (high - low) * ((c * 7919 % 100) / 200.0)) AT TIME ZONE r.time_zone AS x) x,"
        " LATERAL (SELECT x::date AS day_from, x::date + 1 + c % 3 AS day_until) d,"
        " LATERAL (SELECT day_from::timestamp AT TIME ZONE r.time_zone AS from_at, day_until::timestamp AT TIME ZONE r.time_zone AS until_at) w"
        " WHERE r.lookback IS NOT NULL"
    )
    name = "parts rebuilt from a window's surroundings"
    for kind in USER_TYPES:
        full = PARTS.replace(", o)", ", full_o)") % kind
        window = PARTS.replace(", o)", ", window_o)") % kind
        try:
            cursor.execute(
                "WITH whole AS (SELECT c, (p).* FROM (SELECT c, unnest(%s) AS p FROM raw_events JOIN windows USING (c)"
                " WHERE kind = '%s' GROUP BY c) x), chosen AS (SELECT whole.* FROM whole JOIN windows USING (c) WHERE day >= day_from"
                " AND day < day_until), rebuilt AS (SELECT c, (p).* FROM (SELECT c, unnest(%s) AS p FROM raw_events JOIN windows USING (c)"
                " WHERE kind = '%s' AND at >= from_at - lookback AND at <= until_at + lookback GROUP BY c) x)"
                " SELECT c, coalesce(a.summary = b.summary AND journey_summary_send(a.summary) = journey_summary_send(b.summary), false),"
                " a.day, b.day, a.segment, b.segment"
                " FROM (SELECT *, coalesce('=' || segment, '') AS k FROM chosen) a FULL JOIN"
                " (SELECT *, coalesce('=' || segment, '') AS k FROM rebuilt) b USING (c, day, k)"
                % (full, kind, window, kind)
            )
            rows = cursor.fetchall()
        except psycopg2.Error as error:
            tap.check(name, False, error)
            continue
        tap.check(name, len(rows) > 0 or CASES < 50, "nothing to compare")
        for c, same, *rest in rows:
            tap.check(name, same, "%s: %s" % (label(c), rest))


def check_transforms(tap, cursor):
    """transform_path by itself, on the paths and chains of the cases and on names from everywhere."""
    rng = random.Random("transforms:%d" % SEED)
    rows, want = [], {}
    for number in range(3 * CASES):
        channels = channel_names(rng, rng.randint(1, 6))
        path = [rng.choice(channels) for _ in range(rng.choice([0, 1, 2, 3, 5, 8, 20]))]
        options = random_options(rng, channels, 1, 3)
        if rng.random() < 0.3:
            options.transforms.append({"remove_if_not_all": []})
        rows.append((number, pg_array(path), json.dumps(options.transforms)))
        want[number] = (J.transform_path(path, options.transforms), path, options.transforms)
    cursor.execute("CREATE TABLE chains (c int, path text[], transforms jsonb)")
    copy_rows(cursor, "chains", rows)
    try:
        cursor.execute("SELECT c, transform_path(path, transforms) FROM chains")
    except psycopg2.Error as error:
        tap.check("transform_path", False, error)
        return
    for c, got in cursor.fetchall():
        tap.check("transform_path", got == want[c][0], "got %s want %s from %s by %s" % (got, *want[c]))


def check_bytes(tap, cursor):
    for kind in USER_TYPES:
        same_bytes(
            tap,
            cursor,
            "any row order, user " + kind,
            "SELECT c, s AS a, b FROM summaries JOIN (SELECT c, %s AS b FROM ev WHERE kind = '%s' GROUP BY c) x USING (c)"
            % (RAW % (kind, " ORDER BY r"), kind),
            label,
        )
        same_bytes(
            tap,
            cursor,
            "any split of users and rollup, user " + kind,
            "SELECT c, s AS a, b FROM summaries JOIN (SELECT c, rollup(p) AS b FROM (SELECT c, g, %s AS p FROM ev"
            " WHERE kind = '%s' GROUP BY c, g) y GROUP BY c) x USING (c)" % (RAW % (kind, ""), kind),
            label,
        )
    same_bytes(tap, cursor, "text round trip", "SELECT c, s AS a, s::text::journey_summary AS b FROM summaries", label)
    # whatever names the users, the summary is the same
    same_bytes(
        tap,
        cursor,
        "the type of user ids makes no difference",
        "SELECT c, s AS a, b FROM summaries JOIN (SELECT c, journey_summary_agg(u::text, at, channel, converted, value, o) AS b"
        " FROM ev GROUP BY c) x USING (c)",
        label,
    )


BIG_OPTIONS = (
    "journey_options(lookback => '10 days', observed_until => '2024-06-25 00:00+00', half_life => '3 days',"
    " transforms => '[\"exposure\"]')"
)


def check_plans(tap, cursor):
    """Serial, parallel, partitionwise and spilling plans of the raw-event form give the same bytes."""
    for statement in (
        "CREATE TABLE big AS SELECT nullif(h1 & 8191, 17)::bigint AS user_id, timestamptz '2024-06-01 00:00+00' +"
        " (h2 & 2097151) * interval '1.3 seconds' AS at, CASE WHEN i % 9 <> 0 THEN 'ch' || (h1 >> 16 & 7) END AS channel,"
        " i % 6 = 0 AS converted, CASE WHEN i % 6 = 0 THEN (h2 & 4095) / 100.0 END AS value, 's' || (i % 3) AS segment, i % 5 AS g"
        " FROM generate_series(1, 120000) i, LATERAL (SELECT hashint8(i) AS h1, hashint8(i::bigint << 20) AS h2) h",
        "CREATE TABLE parted (LIKE big) PARTITION BY LIST (g)",
        *("CREATE TABLE parted_%d PARTITION OF parted FOR VALUES IN (%d)" % (i, i) for i in range(5)),
        "INSERT INTO parted SELECT * FROM big",
        "ANALYZE big",
        "ANALYZE parted",
        SERIAL,
    ):
        cursor.execute(statement)
    forms = {
        kind: "journey_summary_agg(%s, at, channel, converted, value, %s)" % (user, BIG_OPTIONS)
        for kind, user in (
            ("bigint", "user_id"),
            ("text", "'user-' || user_id"),
            ("uuid", "lpad(to_hex(user_id), 32, '0')::uuid"),
        )
    }
    forms["default options"] = "journey_summary_agg(user_id, at, channel, converted, value)"
    parts = "journey_parts_agg(user_id, at, channel, converted, value, segment, %s)" % BIG_OPTIONS
    cursor.execute("CREATE TABLE whole (form text, s journey_summary)")
    try:
        for form, call in forms.items():
            cursor.execute("INSERT INTO whole SELECT '%s', %s FROM big" % (form, call))
        cursor.execute("SELECT %s" % parts.replace("journey_parts_agg(user_id", "journey_parts_agg(NULL::bigint").replace(
            ", at, channel, converted, value, segment", ", now(), 'a', false, 0, 's'"))
    except psycopg2.Error as error:
        tap.check("one summary of many events", False, error)
        return
    cursor.execute("CREATE TABLE whole_parts AS SELECT (p).* FROM (SELECT unnest(%s) AS p FROM big) x" % parts)
    cursor.execute("CREATE TABLE groups AS SELECT user_id %% 13 AS c, %s AS s FROM big GROUP BY 1" % forms["bigint"])
    same_bytes(tap, cursor, "parts of many rolled up", "SELECT 0 AS c, (SELECT rollup(summary) FROM whole_parts) AS a, s AS b FROM whole WHERE form = 'bigint'")
    same_bytes(tap, cursor, "groups of users rolled up", "SELECT 0 AS c, (SELECT rollup(s) FROM groups) AS a, s AS b FROM whole WHERE form = 'bigint'")

    def compare(name, source, grouped=True):
        for form, call in forms.items():
            same_bytes(
                tap,
                cursor,
                "%s, %s" % (name, form),
                "SELECT 0 AS c, s AS a, (SELECT %s FROM %s) AS b FROM whole WHERE form = '%s'" % (call, source, form),
            )
        same_bytes(
            tap,
            cursor,
            name + ", parts",
            "SELECT 0 AS c, w.summary AS a, x.summary AS b FROM whole_parts w FULL JOIN (SELECT (p).* FROM (SELECT unnest(%s) AS p"
            " FROM %s) y) x USING (day, segment)" % (parts, source),
        )
        if grouped:
            same_bytes(
                tap,
                cursor,
                name + ", grouped",
                "SELECT coalesce(w.c, -1) AS c, w.s AS a, x.s AS b FROM (SELECT coalesce(c, 99) AS c, s FROM groups) w FULL JOIN"
                " (SELECT coalesce(user_id %% 13, 99) AS c, %s AS s FROM %s GROUP BY 1) x USING (c)" % (forms["bigint"], source),
            )

    for leader in ("on", "off"):
        cursor.execute(PARALLEL % "on")
        cursor.execute("SET parallel_leader_participation = " + leader)
        for source in ("big", "parted"):
            text = plan(cursor, "SELECT %s FROM %s" % (forms["bigint"], source))
            tap.check("parallel plan over %s is one" % source, "Partial" in text and "Gather" in text, text)
            compare("parallel, %s, leader %s" % (source, leader), source)
        cursor.execute("SET work_mem = '64kB'")
        compare("parallel, work_mem 64kB, leader " + leader, "big")
        cursor.execute("RESET work_mem")
    cursor.execute(SERIAL)
    cursor.execute("SET work_mem = '64kB'")
    for form, call in dict(forms, parts=parts).items():
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, COSTS off, TIMING off) SELECT %s FROM big" % call)
        text = "\n".join(r[0] for r in cursor.fetchall())
        tap.check("work_mem 64kB spills", "temp read" in text, "%s: %s" % (form, text))
    compare("work_mem 64kB", "big")
    cursor.execute(SERIAL)
    cursor.execute("SET enable_partitionwise_aggregate = on")
    text = plan(cursor, "SELECT g, %s FROM parted GROUP BY g" % forms["bigint"])
    tap.check("partitionwise plan is one", text.count("Aggregate") >= 5, text)
    compare("partitionwise", "parted")
    cursor.execute(SERIAL)
    same_bytes(
        tap,
        cursor,
        "shuffled",
        "SELECT 0 AS c, s AS a, (SELECT %s FROM (SELECT * FROM big ORDER BY hashint8(g + extract(epoch FROM at)::bigint)) b) AS b FROM whole"
        " WHERE form = 'bigint'" % forms["bigint"],
    )


def main():
    print("# ATTRIB_SEED=%d ATTRIB_EVENT_CASES=%d" % (SEED, CASES))
    connection = connect()
    cursor = connection.cursor()
    tap = Tap()
    drawn, cases = load(tap, cursor, [ONLY] if ONLY >= 0 else range(CASES))
    questions = Questions(tap, cursor, "summaries", cases, label)
    questions.basics()
    questions.rules()
    questions.mapped()
    questions.shapley(enumerate_up_to=9)
    questions.markov()
    questions.choose_order()
    check_bytes(tap, cursor)
    check_journey_rows(tap, cursor, drawn)
    check_parts(tap, cursor, drawn)
    check_rebuilt_parts(tap, cursor)
    if ONLY < 0:
        check_transforms(tap, cursor)
        check_plans(tap, cursor)
    drop_schema(connection)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
