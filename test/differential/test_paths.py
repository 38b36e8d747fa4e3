#!/usr/bin/python3
"""
Random sets of paths: every question to their summary against the reference, and what must not change it.

ATTRIB_SEED, ATTRIB_PATH_CASES; ATTRIB_CASE runs one case alone.
"""
import io
import json
import sys

from common import (
    ONLY,
    SEED,
    J,
    M,
    Questions,
    Tap,
    channel_names,
    close,
    connect,
    copy_rows,
    drop_schema,
    label,
    order_value,
    pg_array,
    psycopg2,
    question_arguments,
    random,
    same_bytes,
    setting,
    timestamp,
)

CASES = setting("ATTRIB_PATH_CASES", 1500)
HUGE = 9 * 10**18


def random_path(rng, channels):
    if rng.random() < 0.08:
        return rng.choice([None, []])
    length = min(1 + int(rng.expovariate(0.45)), 12)
    favourites = rng.sample(channels, min(len(channels), rng.randint(1, 4)))
    return [rng.choice(channels if rng.random() < 0.6 else favourites) for _ in range(length)]


def split_total(rng, total, parts):
    cuts = sorted(rng.randint(0, total) for _ in range(parts - 1))
    return [b - a for a, b in zip([0] + cuts, cuts + [total])]


def random_case(c):
    """(form, rows (path, converted or conversions, lost, value), channels)"""
    rng = random.Random("%d:%d" % (SEED, c))
    channels = channel_names(rng, rng.choice([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 12 if c % 12 == 0 else 6]))
    form = rng.choice(["converted", "value", "counted", "counted"])
    count = rng.choice([1, 2, 5, 10, 20])
    win = rng.choice([0.0, 0.1, 0.5, 0.9, 1.0])
    paths = [random_path(rng, channels) for _ in range(count)]
    if rng.random() < 0.3:
        paths = [rng.choice(paths) for _ in paths]
    rows = []
    if form != "counted":
        for path in paths:
            converted = rng.random() < win
            value = order_value(rng) if form == "value" and converted else rng.choice([None, 0.0])
            rows.append((path, converted if converted or rng.random() < 0.8 else None, None, value))
    else:
        no_lost, huge = rng.random() < 0.15, rng.random() < 0.15
        numbers = split_total(rng, HUGE, 2 * count) if huge else [rng.choice([0, 0, 1, 2, 7, 1000]) for _ in range(2 * count)]
        for i, path in enumerate(paths):
            conversions = numbers[2 * i] if win > 0 and rng.random() < win + 0.2 else 0
            lost = 0 if no_lost else numbers[2 * i + 1]
            rows.append((path, conversions, lost, order_value(rng) if conversions else 0.0))
    return form, rows, channels, question_arguments(rng, channels), rng


def reference(form, rows):
    s = J.Summary()
    for path, a, b, value in rows:
        if form == "counted":
            s.add_counted(path, a, b, value)
        else:
            s.add_path(path, a, value)
    return s


CALLS = {
    "converted": "journey_summary_agg(path, converted%s)",
    "value": "journey_summary_agg(path, converted, value%s)",
    "counted": "journey_summary_agg(path, conversions, lost, value%s)",
}


def load(cursor, indices):
    """Tables path_rows and summaries, and {c: (Summary, arguments)}."""
    cases, lines, forms = {}, [], {}
    for c in indices:
        form, rows, _, arguments, rng = random_case(c)
        cases[c], forms[c] = (reference(form, rows), arguments), form
        for path, a, b, value in rows:
            counted = form == "counted"
            lines.append(
                (
                    c,
                    form,
                    pg_array(path),
                    None if counted else a,
                    a if counted else None,
                    b if counted else None,
                    value,
                    rng.randrange(4),
                    rng.random(),
                )
            )
    random.Random(SEED).shuffle(lines)
    cursor.execute(
        "CREATE TABLE path_rows (c int, form text, path text[], converted bool, conversions numeric, lost numeric,"
        " value float8, g int, r float8)"
    )
    copy_rows(cursor, "path_rows", lines)
    cursor.execute("ANALYZE path_rows; CREATE TABLE summaries (c int, form text, s journey_summary)")
    for form, call in CALLS.items():
        cursor.execute(
            "INSERT INTO summaries SELECT c, form, %s FROM path_rows WHERE form = '%s' GROUP BY c, form"
            % (call % "", form)
        )
    cursor.execute("CREATE INDEX ON summaries (c); ANALYZE summaries")
    return cases, forms


def check_bytes(tap, cursor):
    """What must not change a byte: order, splits, text and binary forms."""
    for form, call in CALLS.items():
        same_bytes(
            tap,
            cursor,
            "any row order, " + form,
            "SELECT c, s AS a, b FROM summaries JOIN (SELECT c, %s AS b FROM path_rows WHERE form = '%s' GROUP BY c) x USING (c)"
            % (call % " ORDER BY r", form),
            label,
        )
        same_bytes(
            tap,
            cursor,
            "any split and rollup, " + form,
            "SELECT c, s AS a, b FROM summaries JOIN (SELECT c, rollup(p ORDER BY g) AS b FROM"
            " (SELECT c, g, %s AS p FROM path_rows WHERE form = '%s' GROUP BY c, g) y GROUP BY c) x USING (c)"
            % (call % "", form),
            label,
        )
    same_bytes(tap, cursor, "text round trip", "SELECT c, s AS a, s::text::journey_summary AS b FROM summaries", label)
    same_bytes(
        tap,
        cursor,
        "rollup of one, and with NULLs",
        "SELECT c, s AS a, (SELECT rollup(x) FROM (VALUES (NULL), (s), (NULL)) v(x)) AS b FROM summaries",
        label,
    )
    cursor.execute("CREATE TABLE copied (c int, s journey_summary)")
    buffer = io.BytesIO()
    try:
        cursor.copy_expert("COPY (SELECT c, s FROM summaries) TO STDOUT (FORMAT binary)", buffer)
        buffer.seek(0)
        cursor.copy_expert("COPY copied FROM STDIN (FORMAT binary)", buffer)
    except psycopg2.Error as error:
        tap.check("binary round trip", False, error)
    same_bytes(tap, cursor, "binary round trip", "SELECT c, o.s AS a, n.s AS b FROM summaries o JOIN copied n USING (c)", label)
    # the counted form takes back what journeys() gives
    for name, where in (
        ("journeys() taken back by the counted form", "<= 1e15"),
        ("journeys() taken back where the orders of a path are worth more than one order may be", "> 1e15"),
    ):
        try:
            cursor.execute(
                "SELECT c, array_agg(x.* ORDER BY x.path)::text = array_agg(y.* ORDER BY y.path)::text FROM (SELECT c, s, (SELECT"
                " journey_summary_agg(path, conversions, lost, value) FROM journeys(s)) AS again FROM summaries"
                " WHERE (SELECT max(value) FROM journeys(s)) %s) q,"
                " LATERAL journeys(s) x JOIN LATERAL journeys(again) y ON x.path = y.path GROUP BY c" % where
            )
            for c, same in cursor.fetchall():
                tap.check(name, same, label(c))
        except psycopg2.Error as error:
            tap.check(name, False, error)
    # rows one by one are the same content as rows counted, where no squares of values differ
    same_bytes(
        tap,
        cursor,
        "path rows and counted rows",
        "SELECT c, s AS a, b FROM summaries JOIN (SELECT c, journey_summary_agg(path, n, m, 0.0) AS b FROM (SELECT c, path,"
        " count(*) FILTER (WHERE converted) AS n, count(*) FILTER (WHERE converted IS NOT TRUE) AS m FROM path_rows"
        " WHERE form = 'converted' GROUP BY c, path) y GROUP BY c) x USING (c)",
        label,
    )
    # mapping before or after makes no difference
    same_bytes(
        tap,
        cursor,
        "map_channels equals mapped paths",
        "SELECT c, map_channels(s, mapping) AS a, b FROM summaries JOIN summaries_arguments USING (c) JOIN (SELECT c,"
        " journey_summary_agg(CASE WHEN path IS NOT NULL THEN ARRAY(SELECT coalesce(mapping->>e, e) FROM unnest(path)"
        " WITH ORDINALITY u(e, i) ORDER BY i) END, converted, value) AS b FROM path_rows JOIN summaries_arguments USING (c)"
        " WHERE form <> 'counted' GROUP BY c) x USING (c)",
        label,
    )


def check_plain_aggregates(tap, cursor):
    for name, columns in (
        ("shapley_attr", "channel, phi, conversions, value, share, std_error"),
        ("markov_removal_effect", "channel, removal_effect, removal_effect_value, conversions, value, share"),
    ):
        try:
            cursor.execute(
                "SELECT c, (SELECT array_agg((%s)::text ORDER BY o) FROM unnest(a) WITH ORDINALITY u(%s, o)),"
                " (SELECT array_agg((%s)::text ORDER BY o) FROM %s(s) WITH ORDINALITY u(%s, o))"
                " FROM summaries JOIN (SELECT c, %s(path, converted, value) AS a FROM path_rows"
                " WHERE form <> 'counted' GROUP BY c) x USING (c)" % (columns, columns, columns, name, columns, name)
            )
            for c, got, want in cursor.fetchall():
                tap.check(name + " as an aggregate", got == want, "%s: got %s want %s" % (label(c), got, want))
        except psycopg2.Error as error:
            tap.check(name + " as an aggregate", False, error)


def check_touch_credit(tap, cursor):
    rng = random.Random("%d:touch" % SEED)
    for _ in range(400):
        channels = channel_names(rng, rng.randint(1, 6))
        path = [rng.choice(channels) for _ in range(rng.choice([1, 1, 2, 2, 3, 4, 5, 9, 33, 257]))]
        a = question_arguments(rng, channels)
        at = sorted(rng.randrange(0, 30 * J.DAY) for _ in path)
        hours = rng.choice([1, 24, 168])
        wanted = {
            "first_touch": ({"ignore": a["ignored"]}, M.touch_weights_first(path, a["ignored"])),
            "last_touch": ({"ignore": a["ignored"]}, M.touch_weights_last(path, a["ignored"])),
            "linear": ({}, M.touch_weights_linear(path)),
            "position_based": (
                {"first": a["first"], "last": a["last"]},
                M.touch_weights_position(path, a["first"], a["last"]),
            ),
            "position_decay": ({"ratio": a["ratio"]}, M.touch_weights_position_decay(path, a["ratio"])),
            "time_decay": (
                {"touched_at": [timestamp(x) for x in at], "half_life": "%d hours" % hours},
                M.touch_weights_time_decay(at, hours * J.HOUR),
            ),
        }
        for model, (options, want) in wanted.items():
            name = "touch_credit " + model
            try:
                cursor.execute("SELECT touch_credit(%s::text[], %s, %s)", (path, model, json.dumps(options)))
                got = cursor.fetchone()[0]
            except psycopg2.Error as error:
                tap.check(name, False, "%s %s %s" % (path, options, error))
                continue
            total = 0.0
            for x in got:
                total += x
            good = len(got) == len(want) and all(close(g, w, absolute=1e-12) for g, w in zip(got, want))
            tap.check(name, good, "%s %s: got %s want %s" % (path, options, got, [float(w) for w in want]))
            tap.check("touch_credit weights add to exactly 1", total == 1.0, "%s %s %r" % (model, path, total))
        effects = {x: rng.choice([0.0, 0.25, rng.random()]) for x in channels}
        if sum(effects[x] for x in path) > 0:
            name = "touch_credit_by_effect"
            total = sum(M.Fraction(effects[x]) for x in path)
            try:
                cursor.execute("SELECT touch_credit_by_effect(%s::text[], %s)", (path, json.dumps(effects)))
                got = cursor.fetchone()[0]
                good = all(close(g, M.Fraction(effects[x]) / total, absolute=1e-12) for g, x in zip(got, path))
                added = 0.0
                for x in got:
                    added += x
                tap.check(name, good and len(got) == len(path), "%s %s %s" % (path, effects, got))
                tap.check("touch_credit weights add to exactly 1", added == 1.0, "effect %s %r" % (path, added))
            except psycopg2.Error as error:
                tap.check(name, False, error)


def check_many_channels(tap, cursor):
    """More than 64 and more than 1 000 channels: rules and Shapley exactly, Markov by sweeps in float."""
    rng = random.Random("%d:many" % SEED)
    cases, lines = {}, []
    for c, n in enumerate((65, 70, 129, 300, 1025, 1100)):
        channels = channel_names(rng, n)
        s = J.Summary()
        for path in [[x] for x in channels] + [
            [rng.choice(channels) for _ in range(rng.randint(1, 4))] for _ in range(2 * n)
        ]:
            conversions, lost = rng.randint(0, 5), rng.randint(0, 50)
            value = rng.randrange(10**6) / 100.0 if conversions else 0.0
            s.add_counted(path, conversions, lost, value)
            lines.append((c, pg_array(path), conversions, lost, value))
        cases[c] = (s, dict(question_arguments(rng, channels[:40]), k=1, collapse=True))
    cursor.execute("CREATE TABLE many_rows (c int, path text[], conversions numeric, lost numeric, value float8)")
    copy_rows(cursor, "many_rows", lines)
    cursor.execute(
        "CREATE TABLE many AS SELECT c, journey_summary_agg(path, conversions, lost, value) AS s FROM many_rows GROUP BY c"
    )
    questions = Questions(tap, cursor, "many", cases, lambda c: "many channels, case %d" % c)
    questions.basics()
    questions.rules()
    questions.mapped()
    questions.shapley(enumerate_up_to=0)
    questions.markov(state_limit=0)
    questions.choose_order(2)
    answers = questions.ask(
        "markov_removal_effect, many channels",
        "markov_removal_effect(t.s)",
        "channel, removal_effect, removal_effect_value, conversions, value",
    )
    for c, rows in (answers or {}).items():
        s, _ = cases[c]
        got = {r[0]: r for r in rows}
        some = rng.sample(s.channels(), 12)
        effects, value_effects = M.removal_effects(s, 1, True, solve=sweeps, only=some)
        total = sum(r[1] for r in rows if r[1] is not None)
        value_total = sum(r[2] for r in rows if r[2] is not None)
        conversions, value = M.game_totals(s)
        for x in some:
            tap.check(
                "markov_removal_effect, many channels",
                abs(got[x][1] - effects[x]) < 1e-11
                and abs(got[x][2] - value_effects[x]) < 1e-11
                and close(got[x][3], M.Fraction(got[x][1]) / M.Fraction(total) * conversions)
                and close(got[x][4], M.Fraction(got[x][2]) / M.Fraction(value_total) * value),
                "case %d: %r got %s want %s %s" % (c, x, got[x], effects[x], value_effects[x]),
            )
        questions.conserved("markov_removal_effect, many channels", c, [r[3] for r in rows], [r[4] for r in rows])


def sweeps(edges, reward):
    """expected_reward by Gauss-Seidel sweeps in float, for chains too large for exact elimination."""
    out, h = {}, {}
    steps = {}
    for (a, b), n in edges.items():
        out[a] = out.get(a, 0) + n
    for (a, b), n in edges.items():
        h.setdefault(a, 0.0)
        first, following = steps.setdefault(a, [0.0, []])
        if b == M.CONVERSION:
            steps[a][0] = first + n / out[a] * float(reward(a))
        elif b != M.NULL:
            following.append((n / out[a], b))
    change = 1.0
    while change > 1e-15:
        change = 0.0
        for a, (constant, following) in steps.items():
            new = constant + sum(p * h[b] for p, b in following)
            change = max(change, abs(new - h[a]) / max(1.0, abs(new)))
            h[a] = new
    return h[M.START]


def plan(cursor, statement):
    cursor.execute("EXPLAIN (COSTS off) " + statement)
    return "\n".join(r[0] for r in cursor.fetchall())


PARALLEL = (
    "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;"
    " SET max_parallel_workers_per_gather = 2; SET enable_hashagg = %s"
)
SERIAL = "SET max_parallel_workers_per_gather = 0; RESET enable_hashagg; RESET work_mem; RESET enable_partitionwise_aggregate"


def check_plans(tap, cursor):
    """Serial, parallel, partitionwise and spilling plans give the same bytes."""
    cursor.execute(
        "CREATE TABLE big AS SELECT i AS id, i %% 7 AS g, CASE WHEN i %% 50 = 0 THEN NULL ELSE"
        " ARRAY(SELECT 'ch' || (hashint8(i::bigint * 31 + k) & 15) FROM generate_series(1, 1 + (hashint8(i) & 7)) k) END AS path,"
        " i %% 3 = 0 AS converted, CASE WHEN i %% 3 = 0 THEN (hashint8(i) & 65535) / 100.0 END AS value"
        " FROM generate_series(1, 40000) i" % ()
    )
    cursor.execute(
        "CREATE TABLE parted (LIKE big) PARTITION BY LIST (g);"
        + "".join("CREATE TABLE parted_%d PARTITION OF parted FOR VALUES IN (%d);" % (i, i) for i in range(7))
        + "INSERT INTO parted SELECT * FROM big; ANALYZE big; ANALYZE parted"
    )
    cursor.execute(SERIAL)
    cursor.execute(
        "CREATE TABLE whole AS SELECT 0 AS c, journey_summary_agg(path, converted, value) AS s,"
        " journey_summary_agg(path, converted, value) FILTER (WHERE id < 0) AS nothing FROM big"
    )
    cursor.execute("CREATE TABLE groups AS SELECT g AS c, journey_summary_agg(path, converted, value) AS s FROM big GROUP BY g")
    cursor.execute(
        "CREATE TABLE fine AS SELECT id % 5000 AS c, journey_summary_agg(path, converted, value) AS s FROM big GROUP BY 1"
    )

    aggregate = "journey_summary_agg(path, converted, value)"
    for leader in ("on", "off"):
        for hashed in ("on", "off"):
            cursor.execute(PARALLEL % hashed)
            cursor.execute("SET parallel_leader_participation = " + leader)
            for source in ("big", "parted"):
                name = "parallel plan, %s, leader %s, hash %s" % (source, leader, hashed)
                text = plan(cursor, "SELECT %s FROM %s" % (aggregate, source))
                tap.check(name + " is one", "Partial" in text and "Gather" in text, text)
                same_bytes(
                    tap,
                    cursor,
                    name,
                    "SELECT 0 AS c, s AS a, (SELECT %s FROM %s) AS b FROM whole UNION ALL"
                    " SELECT 1, s, (SELECT rollup(s) FROM groups) FROM whole UNION ALL"
                    " SELECT 2, nothing, (SELECT %s FILTER (WHERE id < 0) FROM %s) FROM whole" % (aggregate, source, aggregate, source),
                )
                same_bytes(
                    tap,
                    cursor,
                    name + ", grouped",
                    "SELECT c, s AS a, b FROM groups JOIN (SELECT g AS c, %s AS b FROM %s GROUP BY g) x USING (c)"
                    % (aggregate, source),
                )
                # one skewed group, most workers with nothing to say about the others
                same_bytes(
                    tap,
                    cursor,
                    name + ", with filters",
                    "SELECT 0 AS c, (SELECT %s FROM %s WHERE id = 77) AS a, (SELECT %s FILTER (WHERE id = 77) FROM %s) AS b"
                    % (aggregate, source, aggregate, source),
                )
    cursor.execute(SERIAL)
    cursor.execute("SET enable_partitionwise_aggregate = on; SET enable_partitionwise_join = on")
    text = plan(cursor, "SELECT g, %s FROM parted GROUP BY g" % aggregate)
    tap.check("partitionwise plan is one", text.count("Aggregate") >= 7, text)
    text = plan(cursor, "SELECT %s FROM parted" % aggregate)
    tap.check("partitionwise partial plan is one", "Partial" in text, text)
    same_bytes(tap, cursor, "partitionwise", "SELECT 0 AS c, s AS a, (SELECT %s FROM parted) AS b FROM whole" % aggregate)
    same_bytes(
        tap,
        cursor,
        "partitionwise, grouped",
        "SELECT c, s AS a, b FROM groups JOIN (SELECT g AS c, %s AS b FROM parted GROUP BY g) x USING (c)" % aggregate,
    )
    cursor.execute(SERIAL)
    cursor.execute("SET work_mem = '64kB'")
    for hashed in ("on", "off"):
        cursor.execute("SET enable_hashagg = %s; SET enable_sort = %s" % (hashed, "off" if hashed == "on" else "on"))
        same_bytes(
            tap,
            cursor,
            "work_mem 64kB, hash " + hashed,
            "SELECT c, s AS a, b FROM fine JOIN (SELECT id %% 5000 AS c, %s AS b FROM big GROUP BY 1) x USING (c)" % aggregate,
        )
    cursor.execute("RESET enable_sort")
    cursor.execute(SERIAL)
    # several grouping levels at once, and two aggregates on one transition
    same_bytes(
        tap,
        cursor,
        "grouping sets",
        "SELECT coalesce(w.c, g.c) AS c, coalesce(w.s, g.s) AS a, b FROM (SELECT g, %s AS b FROM big GROUP BY GROUPING SETS ((g), ())) x"
        " LEFT JOIN groups g ON g.c = x.g LEFT JOIN whole w ON x.g IS NULL" % aggregate,
    )
    same_bytes(
        tap,
        cursor,
        "as a window aggregate",
        "SELECT id AS c, b AS a, (SELECT %s FROM big y WHERE y.id <= x.id) AS b FROM (SELECT id, %s OVER (ORDER BY id) AS b"
        " FROM big WHERE id <= 60) x" % (aggregate, aggregate),
    )


def main():
    print("# ATTRIB_SEED=%d ATTRIB_PATH_CASES=%d" % (SEED, CASES))
    connection = connect()
    cursor = connection.cursor()
    tap = Tap()
    cases, forms = load(cursor, [ONLY] if ONLY >= 0 else range(CASES))
    questions = Questions(tap, cursor, "summaries", cases, label)
    questions.basics()
    questions.rules()
    questions.mapped()
    questions.shapley()
    questions.markov()
    questions.choose_order()
    questions.side_by_side()
    check_bytes(tap, cursor)
    check_plain_aggregates(tap, cursor)
    if ONLY < 0:
        check_touch_credit(tap, cursor)
        check_many_channels(tap, cursor)
        check_plans(tap, cursor)
    drop_schema(connection)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
