"""
What the differential tests share: the connection, TAP, random input, and the comparison of every
question to a summary with its reference.

Connection: PGHOST, PGUSER, PGDATABASE, ... (libpq).  Seeds and sizes by environment variables, printed
at the start, so that a failing case can be run again alone.
"""
import io
import json
import os
import random
import sys
import time
from datetime import timedelta
from fractions import Fraction

import psycopg2
import psycopg2.extensions

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "reference"))

import journeys as J  # noqa: E402
import models as M  # noqa: E402

SCHEMA = "attrib_differential"


def setting(name, default):
    return int(os.environ.get(name, default))


SEED = setting("ATTRIB_SEED", 1)
ONLY = setting("ATTRIB_CASE", -1)


def label(c):
    """How to run a case again."""
    return "ATTRIB_SEED=%d ATTRIB_CASE=%d" % (SEED, c)


# --- the server ------------------------------------------------------------------------------------


def connect():
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET client_min_messages = warning")
    cursor.execute("CREATE EXTENSION IF NOT EXISTS attrib")
    cursor.execute("DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s" % (SCHEMA, SCHEMA))
    cursor.execute("SET search_path = %s, attrib, public" % SCHEMA)
    cursor.execute("SET TimeZone = 'America/St_Johns'")  # no answer may depend on it
    # runs a statement, returns its SQLSTATE (00000: it worked)
    cursor.execute(
        """CREATE FUNCTION sqlstate_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN
            EXECUTE statement;
            RETURN '00000';
        EXCEPTION WHEN OTHERS THEN
            RETURN SQLSTATE;
        END $$"""
    )
    return connection


def drop_schema(connection):
    connection.cursor().execute("DROP SCHEMA %s CASCADE" % SCHEMA)


def pg_array(items):
    """A one-dimensional array literal."""
    if items is None:
        return None
    quoted = []
    for item in items:
        if item is None:
            quoted.append("NULL")
        else:
            quoted.append('"%s"' % str(item).replace("\\", "\\\\").replace('"', '\\"'))
    return "{%s}" % ",".join(quoted)


def copy_field(x):
    if x is None:
        return "\\N"
    if isinstance(x, bool):
        return "t" if x else "f"
    if isinstance(x, float):
        return repr(x)
    return (
        str(x).replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    )


def copy_rows(cursor, table, rows):
    data = io.StringIO("".join("\t".join(map(copy_field, row)) + "\n" for row in rows))
    cursor.copy_expert("COPY %s FROM STDIN" % table, data)


def timestamp(microseconds):
    if microseconds is None:
        return None
    return (J.EPOCH + timedelta(microseconds=microseconds)).isoformat()


def microseconds(moment):
    return None if moment is None else (moment - J.EPOCH) // timedelta(microseconds=1)


def interval(us):
    return None if us is None else "%d microseconds" % us


# --- TAP -------------------------------------------------------------------------------------------


class Tap:
    """One line for each property, however many cases it was checked on."""

    def __init__(self):
        self.checks, self.failures, self.order = {}, {}, []
        self.started = time.time()

    def check(self, name, condition, detail=""):
        if name not in self.checks:
            self.checks[name], self.failures[name] = 0, []
            self.order.append(name)
        self.checks[name] += 1
        if not condition:
            self.failures[name].append(detail)
        return condition

    def done(self):
        failed = 0
        for number, name in enumerate(self.order, 1):
            bad = self.failures[name]
            failed += bool(bad)
            print("%sok %d - %s (%d checks)" % ("not " if bad else "", number, name, self.checks[name]))
            if bad:
                print("# %d failed" % len(bad))
                for detail in bad[:3]:
                    print("#   " + str(detail)[:1500].replace("\n", "\\n"))
        print("1..%d" % len(self.order))
        print("# %.1f s" % (time.time() - self.started))
        return 1 if failed else 0


def close(got, want, relative=1e-9, absolute=1e-12):
    """A float8 against an exact number; None only equals None."""
    if got is None or want is None:
        return got is None and want is None
    if got != got or got in (float("inf"), float("-inf")):
        return False
    return abs(Fraction(got) - want) <= Fraction(absolute) + Fraction(relative) * abs(Fraction(want))


def show(table):
    def plain(x):
        if isinstance(x, Fraction):
            return float(x)
        if isinstance(x, (tuple, list)):
            return tuple(plain(y) for y in x)
        return x

    return {k: plain(v) for k, v in sorted(table.items(), key=repr)}


# --- random input ----------------------------------------------------------------------------------

NASTY = [
    "",
    " ",
    "NULL",
    "null",
    "a > b",
    ">",
    ",",
    ";",
    '"',
    "'",
    "{}",
    "{a,b}",
    "[]",
    '{"a":1}',
    "\\",
    "\\\\",
    "\\n",
    "\n",
    "\r\n",
    "\t",
    "\x01",
    "\x7f",
    "a\\",
    'a"b',
    "a''b",
    "$1",
    "%s",
    "%",
    "start",
    "(START)",
    "(start",
    "(null) ",
    "(a)",
    "!",
    "~",
    "é",
    "e\u0301",
    "ß",
    "İ",
    "日本語",
    "\u202eabc",
    "\u00a0",
    "\ufeff",
    "\ud7ff",
    "\ue000",
    "\uffff",
    "😀",
    "\U0010ffff",
    "x" * 300,
    "é" * 130,
    "A(2)",
    "true",
    "0",
    "-1",
    "1e5",
    "NaN",
]


def channel_names(rng, n):
    if rng.random() < 0.5:
        names = [chr(ord("A") + i) if i < 26 else "ch%d" % i for i in range(n)]
    elif n <= len(NASTY):
        names = rng.sample(NASTY, n)
    else:
        names = NASTY + ["ch%d" % i for i in range(n - len(NASTY))]
    rng.shuffle(names)
    return names


def order_value(rng):
    kind = rng.randrange(8)
    if kind == 0:
        return None
    if kind == 1:
        return 0.0
    if kind == 2:
        return rng.random() * 10.0 ** rng.randint(-22, 15)
    if kind == 3:
        return float(rng.choice([10**15, 2**-64, 3 * 2**-65, 5e-324, 0.1, 1e-19]))
    return rng.randrange(0, 100000) / 100.0


def question_arguments(rng, channels):
    """Arguments of the questions, drawn for one case."""
    first = rng.choice([0.4, 0.2, 0.6, 0.0, 1.0, rng.random()])
    last = rng.choice([0.4, 0.2, 0.6, 0.0, 1.0, rng.random()])
    if Fraction(first) + Fraction(last) > 1:
        first, last = rng.choice([(0.4, 0.4), (0.2, 0.6), (0.0, 1.0), (0.5, 0.5), (0.0, 0.25)])
    if first + last == 0:
        first = 0.25
    targets = channels + ["merged", "other"]
    return {
        "first": first,
        "last": last,
        "ratio": rng.choice([0.5, 1.0, 0.25, 0.9, 1e-3]),
        "ignored": rng.sample(channels, rng.randint(0, len(channels))) + rng.choice([[], ["absent"]]),
        "k": rng.choice([1, 1, 1, 2, 2, 3, 4, 7]),
        "collapse": rng.random() < 0.7,
        "mapping": {c: rng.choice(targets) for c in channels if rng.random() < 0.5},
    }


# --- every question to a summary -------------------------------------------------------------------


class Questions:
    """Compares the answers about the summaries in `table` (c int, s journey_summary) with references.

    cases: {c: (Summary, arguments)}; label: text that says how to run a case again."""

    def __init__(self, tap, cursor, table, cases, label):
        self.tap, self.cursor, self.table, self.cases, self.label = tap, cursor, table, cases, label
        self.arguments = table + "_arguments"
        cursor.execute(
            "CREATE TABLE %s (c int PRIMARY KEY, first float8, last float8, ratio float8, ignored text[],"
            " k int, collapse bool, mapping jsonb)" % self.arguments
        )
        copy_rows(
            cursor,
            self.arguments,
            [
                (
                    c,
                    a["first"],
                    a["last"],
                    a["ratio"],
                    pg_array(a["ignored"]),
                    a["k"],
                    a["collapse"],
                    json.dumps(a["mapping"]),
                )
                for c, (_, a) in cases.items()
            ],
        )
        cursor.execute("ANALYZE " + self.arguments)

    def ask(self, name, call, columns, only=None):
        """{c: [rows]} of a set-returning call over the chosen cases; None (and a failure) on an error."""
        chosen = list(self.cases if only is None else only)
        if not chosen:
            return {}
        statement = "SELECT t.c, %s FROM %s t JOIN %s a USING (c), LATERAL %s f WHERE t.c = ANY(%%s)" % (
            columns,
            self.table,
            self.arguments,
            call,
        )
        try:
            self.cursor.execute(statement, (chosen,))
            rows = self.cursor.fetchall()
        except psycopg2.Error as error:
            culprit = self.culprit(statement, chosen)
            self.tap.check(name, False, "%s: %s %s" % (culprit, error.pgcode, error))
            return None
        result = {c: [] for c in chosen}
        for row in rows:
            result[row[0]].append(row[1:])
        return result

    def culprit(self, statement, chosen):
        for c in chosen[:3000]:
            try:
                self.cursor.execute(statement, ([c],))
                self.cursor.fetchall()
            except psycopg2.Error as error:
                if error.pgcode in ("42883", "42P01", "42703", "42704"):
                    return "any case"
                return self.label(c)
        return "no single case"

    def credit(self, name, call, reference, only=None, columns="channel, conversions, value, share", precision=0.0):
        """A model that answers with channel_credit rows.

        precision: absolute error allowed besides, as a part of everything that is credited."""
        answers = self.ask(name, call, columns, only)
        if answers is None:
            return
        for c, rows in answers.items():
            s, arguments = self.cases[c]
            want = reference(s, arguments)
            slack, value_slack = self.slack(s, precision)
            got = {r[0]: tuple(r[1:]) for r in rows}
            good = sorted(got) == sorted(want) and len(got) == len(rows)
            good = good and [r[0] for r in rows] == sorted((r[0] for r in rows), key=str.encode)
            good = good and all(
                close(got[x][0], want[x][0], absolute=slack)
                and close(got[x][1], want[x][1], absolute=value_slack)
                and close(got[x][2], M.share(s, want[x][0]), absolute=1e-12 + precision)
                for x in want
            )
            self.tap.check(
                name, good, "%s %s: got %s want %s" % (self.label(c), arguments, show(got), show(want))
            )
            self.conserved(name, c, [r[1] for r in rows], [r[2] for r in rows])

    @staticmethod
    def slack(s, precision):
        """Absolute errors of conversions and value that are `precision` of all there is."""
        return 1e-12 + precision * float(M.total_conversions(s)), 1e-12 + precision * float(M.total_value(s))

    def conserved(self, name, c, conversions, values):
        s, _ = self.cases[c]
        got = (sum(map(Fraction, conversions)), sum(map(Fraction, values)))
        want = (M.total_conversions(s), M.total_value(s))
        self.tap.check(
            name + " adds up",
            close(got[0], want[0]) and close(got[1], want[1]),
            "%s: got %s want %s" % (self.label(c), show({0: got}), show({0: want})),
        )

    def basics(self):
        answers = self.ask("journeys", "journeys(t.s)", "path, conversions, lost, \"open\", value")
        for c, rows in (answers or {}).items():
            want = M.journeys(self.cases[c][0])
            got = {tuple(r[0]): r[1:] for r in rows}
            good = len(got) == len(rows) and sorted(got) == sorted(want)
            good = good and all(got[p][:3] == want[p][:3] and got[p][3] == float(want[p][3]) for p in want)
            self.tap.check("journeys", good, "%s: got %s want %s" % (self.label(c), show(got), show(want)))

        wanted = {c: M.channel_rows(s) for c, (s, _) in self.cases.items()}
        beyond = [c for c, rows in wanted.items() if any(max(r) >= 2**63 for r in rows.values())]
        answers = self.ask(
            "channels",
            "channels(t.s)",
            "channel, journeys, touches, conversions, first_touches, last_touches",
            [c for c in wanted if c not in beyond],
        )
        for c, rows in (answers or {}).items():
            want = [(x, *r) for x, r in wanted[c].items()]
            got = [tuple(r) for r in rows]
            self.tap.check("channels", got == want, "%s: got %s want %s" % (self.label(c), got, want))
        self.expect_state("channels: more touches than a bigint holds is 22003", "channels(t.s)", "22003", beyond)

        names = list(M.stats(J.Summary()))
        answers = self.ask("summary_stats", "summary_stats(t.s)", ", ".join('"%s"' % n for n in names) + ", bytes")
        for c, rows in (answers or {}).items():
            want = M.stats(self.cases[c][0])
            want["value"] = float(want["value"])
            got = dict(zip(names, rows[0])) if len(rows) == 1 else rows
            self.tap.check(
                "summary_stats",
                got == want,
                "%s: %s"
                % (
                    self.label(c),
                    {n: (got[n], want[n]) for n in names if got[n] != want[n]} if len(rows) == 1 else rows,
                ),
            )

    def rules(self):
        self.credit("first_touch_attr", "first_touch_attr(t.s)", lambda s, a: M.first_touch(s))
        self.credit("last_touch_attr", "last_touch_attr(t.s)", lambda s, a: M.last_touch(s))
        self.credit(
            "first_touch_attr with ignore",
            "first_touch_attr(t.s, ignore => a.ignored)",
            lambda s, a: M.first_touch(s, a["ignored"]),
        )
        self.credit(
            "last_touch_attr with ignore",
            "last_touch_attr(t.s, ignore => a.ignored)",
            lambda s, a: M.last_touch(s, a["ignored"]),
        )
        self.credit("linear_attr", "linear_attr(t.s)", lambda s, a: M.linear(s))
        self.credit("position_based_attr", "position_based_attr(t.s)", lambda s, a: M.position_based(s))
        self.credit(
            "position_based_attr with weights",
            "position_based_attr(t.s, first => a.first, last => a.last)",
            lambda s, a: M.position_based(s, a["first"], a["last"]),
        )
        self.credit(
            "position_decay_attr",
            "position_decay_attr(t.s, ratio => a.ratio)",
            lambda s, a: M.position_decay(s, a["ratio"]),
        )
        self.time_decay()
        self.expect_state(
            "time_decay_attr without a clock is 55000",
            "time_decay_attr(t.s)",
            "55000",
            [c for c, (s, _) in self.cases.items() if s.decay is None][:50],
        )

    def time_decay(self):
        timed = [c for c, (s, _) in self.cases.items() if s.decay is not None]
        # weights are kept to 2^-60 of a journey, so that tiny ones have an absolute error
        self.credit(
            "time_decay_attr", "time_decay_attr(t.s)", lambda s, a: M.time_decay(s), only=timed, precision=2.0**-55
        )

    def expect_state(self, name, call, state, only):
        for c in only:
            self.cursor.execute(
                "SELECT sqlstate_of(%s)",
                (
                    "SELECT f FROM %s t JOIN %s a USING (c), LATERAL %s f WHERE t.c = %d"
                    % (self.table, self.arguments, call, c),
                ),
            )
            got = self.cursor.fetchone()[0]
            self.tap.check(name, got == state, "%s: %s" % (self.label(c), got))

    def mapped(self):
        answers = self.ask(
            "map_channels",
            "journeys(map_channels(t.s, a.mapping))",
            'path, conversions, lost, "open", value',
        )
        for c, rows in (answers or {}).items():
            s, arguments = self.cases[c]
            want = M.journeys(s.mapped(arguments["mapping"]))
            got = {tuple(r[0]): tuple(r[1:]) for r in rows}
            want = {p: (*w[:3], float(w[3])) for p, w in want.items()}
            self.tap.check(
                "map_channels",
                got == want and len(got) == len(rows),
                "%s %s: got %s want %s" % (self.label(c), arguments["mapping"], show(got), show(want)),
            )
        timed = [c for c, (s, _) in self.cases.items() if s.decay is not None]
        answers = self.ask(
            "map_channels keeps the clock",
            "time_decay_attr(map_channels(t.s, a.mapping))",
            "channel, conversions, value",
            timed,
        )
        for c, rows in (answers or {}).items():
            s, arguments = self.cases[c]
            want = M.time_decay(s.mapped(arguments["mapping"]))
            slack, value_slack = self.slack(s, 2.0**-55)
            good = sorted(r[0] for r in rows) == sorted(want) and all(
                close(r[1], want[r[0]][0], absolute=slack)
                and close(r[2], want[r[0]][1], absolute=value_slack)
                for r in rows
            )
            self.tap.check("map_channels keeps the clock", good, "%s: got %s want %s" % (self.label(c), rows, show(want)))

    def shapley(self, enumerate_up_to=12):
        columns = "channel, phi, conversions, value, share, std_error"
        answers = self.ask("shapley_attr conversions", "shapley_attr(t.s)", columns)
        for c, rows in (answers or {}).items():
            s, _ = self.cases[c]
            want = M.shapley_conversions(s, enumerate_up_to)
            got = {r[0]: r for r in rows}
            good = len(got) == len(rows) and [r[0] for r in rows] == sorted(want, key=str.encode)
            good = good and all(
                close(got[x][2], w[0])
                and close(got[x][3], w[1])
                and close(got[x][4], M.share(s, w[0]))
                and (x == M.UNATTRIBUTED or close(got[x][1], w[0]))
                and not got[x][5]
                for x, w in want.items()
            )
            self.tap.check("shapley_attr conversions", good, "%s: got %s want %s" % (self.label(c), rows, show(want)))
            self.conserved("shapley_attr conversions", c, [r[2] for r in rows], [r[3] for r in rows])

        answers = self.ask(
            "shapley_attr_ordered", "shapley_attr_ordered(t.s)", "channel, touch_position, conversions, value"
        )
        for c, rows in (answers or {}).items():
            s, _ = self.cases[c]
            want = M.shapley_ordered(s)
            got = {(r[0], r[1]): (r[2], r[3]) for r in rows if r[0] != M.UNATTRIBUTED}
            good = all(
                close(got.get(k, (0.0, 0.0))[0], want.get(k, (0, 0))[0])
                and close(got.get(k, (0.0, 0.0))[1], want.get(k, (0, 0))[1])
                for k in set(got) | set(want)
            )
            self.tap.check("shapley_attr_ordered", good, "%s: got %s want %s" % (self.label(c), show(got), show(want)))
            self.conserved("shapley_attr_ordered", c, [r[2] for r in rows], [r[3] for r in rows])

        for game in ("rate", "exact_rate"):
            name = "shapley_attr " + game
            small = [c for c, (s, _) in self.cases.items() if len(s.channels()) <= enumerate_up_to]
            exact = {c: M.shapley_rate(self.cases[c][0], game) for c in small}
            answers = self.ask(name, "shapley_attr(t.s, game => '%s')" % game, columns, small)
            for c, rows in (answers or {}).items():
                s, _ = self.cases[c]
                want = exact[c][0]
                got = {r[0]: r for r in rows if r[0] != M.UNATTRIBUTED}
                good = sorted(got) == sorted(want) and all(
                    close(got[x][1], want[x], absolute=1e-11)
                    and got[x][2:5] == (None, None, None)
                    and not got[x][5]
                    for x in want
                )
                self.tap.check(name, good, "%s: got %s want %s" % (self.label(c), rows, show(want)))
            # credit divides by v(all): where that is far below the phis, digits are lost by nature
            scalable = [
                c
                for c in small
                if exact[c][1] != 0 and max(map(abs, exact[c][0].values())) < 10**6 * exact[c][1]
            ]
            self.credit(
                name + " scaled",
                "shapley_attr(t.s, game => '%s', scale => true)" % game,
                lambda s, a, game=game: M.shapley_scaled(s, *M.shapley_rate(s, game)),
                only=scalable,
                precision=1e-9,
            )
            self.expect_state(
                name + " scaled by v(all) = 0 is 22023",
                "shapley_attr(t.s, game => '%s', scale => true)" % game,
                "22023",
                [c for c in small if exact[c][0] and exact[c][1] == 0][:40],
            )
            sampled = [c for c in small if 3 <= len(exact[c][0]) <= 5][:150]
            answers = self.ask(
                name + " sampled",
                "shapley_attr(t.s, game => '%s', max_exact => 2, samples => 4000, seed => 7)" % game,
                columns,
                sampled,
            )
            for c, rows in (answers or {}).items():
                want = exact[c][0]
                got = {r[0]: r for r in rows if r[0] != M.UNATTRIBUTED}
                # a NULL error says that the answer is exact all the same
                good = sorted(got) == sorted(want) and all(
                    abs(got[x][1] - want[x]) <= (1e-11 if got[x][5] is None else 6 * got[x][5] + 1e-9) for x in want
                )
                good = good and close(sum(Fraction(r[1]) for r in got.values()), exact[c][1], absolute=1e-9)
                self.tap.check(name + " sampled", good, "%s: got %s want %s" % (self.label(c), rows, show(want)))

    def markov(self, state_limit=40):
        columns = "channel, removal_effect, removal_effect_value, conversions, value, share"
        call = "markov_removal_effect(t.s, markov_order => a.k, collapse_repeats => a.collapse)"
        small = []
        for c, (s, a) in self.cases.items():
            edges, _ = M.chain(s, a["k"], a["collapse"])
            if len({x for x, _ in edges}) <= state_limit:
                small.append(c)
        answers = self.ask("markov_removal_effect", call, columns, small)
        for c, rows in (answers or {}).items():
            s, a = self.cases[c]
            want = M.markov(s, a["k"], a["collapse"])
            got = {r[0]: r[1:] for r in rows}
            good = len(got) == len(rows) and [r[0] for r in rows] == sorted(want, key=str.encode)
            slack, value_slack = self.slack(s, 1e-12)
            good = good and all(
                close(got[x][0], w[0])
                and close(got[x][1], w[1])
                and close(got[x][2], w[2], absolute=slack)
                and close(got[x][3], w[3], absolute=value_slack)
                and close(got[x][4], M.share(s, w[2]))
                for x, w in want.items()
            )
            self.tap.check("markov_removal_effect", good, "%s %s: got %s want %s" % (self.label(c), a, rows, show(want)))
            self.conserved("markov_removal_effect", c, [r[3] for r in rows], [r[4] for r in rows])

        call = "markov_transitions(t.s, markov_order => a.k, collapse_repeats => a.collapse)"
        wanted = {c: M.transitions(s, a["k"], a["collapse"]) for c, (s, a) in self.cases.items()}
        beyond = [c for c, rows in wanted.items() if any(n >= 2**63 for n, _ in rows.values())]
        self.expect_state("markov_transitions: more than a bigint holds is 22003", call, "22003", beyond)
        answers = self.ask(
            "markov_transitions",
            call,
            "from_state, to_state, transitions, probability",
            [c for c in wanted if c not in beyond],
        )
        for c, rows in (answers or {}).items():
            a, want = self.cases[c][1], wanted[c]
            got = {(tuple(r[0]), tuple(r[1])): r[2:] for r in rows}
            good = len(got) == len(rows) and sorted(got) == sorted(want)
            good = good and all(got[x][0] == w[0] and close(got[x][1], w[1]) for x, w in want.items())
            self.tap.check("markov_transitions", good, "%s %s: got %s want %s" % (self.label(c), a, show(got), show(want)))

    def choose_order(self, max_order=5):
        answers = self.ask(
            "markov_choose_order",
            "markov_choose_order(t.s, max_order => %d)" % max_order,
            "markov_order, states, nodes, auc, penalized_auc",
        )
        for c, rows in (answers or {}).items():
            want = M.choose_order(self.cases[c][0], max_order)
            got = {r[0]: r[1:] for r in rows}
            good = len(got) == len(rows) and sorted(got) == sorted(want)
            for order, w in want.items():
                if not good:
                    break
                g = got[order]
                good = (g[0], g[1]) == (w[0], w[1])
                if w[2] is not None and not w[4]:
                    good = good and close(g[2], w[2]) and close(g[3], w[3], absolute=1e-9)
            self.tap.check("markov_choose_order", good, "%s: got %s want %s" % (self.label(c), show(got), show(want)))

    def side_by_side(self):
        """attribution_models gives the rows of the functions it stands for."""
        calls = {
            "first_touch": "first_touch_attr(t.s, ignore => a.ignored)",
            "last_touch": "last_touch_attr(t.s, ignore => a.ignored)",
            "linear": "linear_attr(t.s)",
            "position_based": "position_based_attr(t.s, first => a.first, last => a.last)",
            "position_decay": "position_decay_attr(t.s, ratio => a.ratio)",
            "shapley": "shapley_attr(t.s)",
            "markov": "markov_removal_effect(t.s, markov_order => a.k, collapse_repeats => a.collapse)",
        }
        options = (
            "jsonb_build_object('first_touch', jsonb_build_object('ignore', to_jsonb(a.ignored)),"
            " 'last_touch', jsonb_build_object('ignore', to_jsonb(a.ignored)),"
            " 'position_based', jsonb_build_object('first', a.first, 'last', a.last),"
            " 'position_decay', jsonb_build_object('ratio', a.ratio),"
            " 'markov', jsonb_build_object('markov_order', a.k, 'collapse_repeats', a.collapse))"
        )
        chosen = list(self.cases)[:400]
        for model, call in calls.items():
            name = "attribution_models: " + model
            one = self.ask(name, call, "channel, conversions, value, share", chosen)
            many = self.ask(
                name,
                "attribution_models(t.s, models => ARRAY['%s'], options => %s)" % (model, options),
                "channel, conversions, value, share, model, value_share",
                chosen,
            )
            for c in many or {}:
                total = M.total_value(self.cases[c][0])
                self.tap.check(
                    name,
                    one is not None
                    and [r[:4] for r in many[c]] == one[c]
                    and all(r[4] == model for r in many[c])
                    and all(close(r[5], Fraction(r[2]) / total if total else None) for r in many[c]),
                    "%s: got %s want %s" % (self.label(c), many[c], one and one[c]),
                )
        everything = self.ask("attribution_models: all", "attribution_models(t.s)", "model, channel", chosen)
        for c, rows in (everything or {}).items():
            s, _ = self.cases[c]
            want = set(calls) | ({"time_decay"} if s.decay is not None else set())
            got = {r[0] for r in rows}
            self.tap.check(
                "attribution_models: all",
                got == (want if s.channels() else got),
                "%s: got %s" % (self.label(c), sorted(got)),
            )


def same_bytes(tap, cursor, name, statement, label=str):
    """statement: rows (c, a journey_summary, b journey_summary); equal as values and as bytes."""
    try:
        cursor.execute(
            "SELECT c, a = b, journey_summary_send(a) = journey_summary_send(b), a IS NULL AND b IS NULL FROM (%s) q"
            % statement
        )
        rows = cursor.fetchall()
    except psycopg2.Error as error:
        tap.check(name, False, "%s %s" % (error.pgcode, error))
        return
    tap.check(name, len(rows) > 0, "no rows")
    for c, equal, bytes_equal, both_null in rows:
        tap.check(name, (equal and bytes_equal) or both_null, "%s: %s %s" % (label(c), equal, bytes_equal))
