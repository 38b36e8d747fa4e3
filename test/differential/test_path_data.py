#!/usr/bin/python3
"""
The field's standard example, path_data.csv, against the reference: all rules, Shapley games, Markov of
orders 1 to 6 with and without lost journeys, transitions, order choice.

ATTRIB_PATH_DATA names the file (default demo/data/path_data.csv).
"""
import csv
import os
import sys
from fractions import Fraction

import numpy

from common import HERE, J, M, Questions, Tap, close, connect, copy_rows, drop_schema, pg_array

DATA = os.environ.get("ATTRIB_PATH_DATA", os.path.join(HERE, "..", "..", "demo", "data", "path_data.csv"))


def read():
    with open(DATA, newline="") as file:
        for row in csv.DictReader(file):
            yield (
                row["path"].split(" > "),
                int(row["total_conversions"]),
                int(row["total_null"]),
                float(row["total_conversion_value"]),
            )


def solve_float(edges, reward):
    """expected_reward for thousands of states: h = P h + r by repeated sweeps until nothing changes.

    All terms are non-negative, so the sums grow monotonically and lose no digits."""
    states = {}
    for a, b in edges:
        for x in (a, b):
            if x not in (M.CONVERSION, M.NULL):
                states.setdefault(x, len(states))
    n = len(states)
    out = numpy.zeros(n)
    for (a, _), count in edges.items():
        out[states[a]] += count
    source, target, weight = [], [], []
    right = numpy.zeros(n)
    for (a, b), count in edges.items():
        i = states[a]
        if b == M.CONVERSION:
            right[i] += count / out[i] * float(reward(a))
        elif b != M.NULL:
            source.append(i)
            target.append(states[b])
            weight.append(count / out[i])
    source, target, weight = numpy.array(source), numpy.array(target), numpy.array(weight)
    h = right.copy()
    for _ in range(20000):
        new = right + numpy.bincount(source, weight * h[target], minlength=n)
        change = numpy.abs(new - h).max()
        h = new
        if change <= 1e-16 * numpy.abs(h).max():
            break
    return float(h[states[M.START]])


def main():
    connection = connect()
    cursor = connection.cursor()
    tap = Tap()
    rows = list(read())
    with_lost, without = J.Summary(), J.Summary()
    for path, conversions, lost, value in rows:
        with_lost.add_counted(path, conversions, lost, value)
        without.add_counted(path, conversions, 0, value)
    tap.check(
        "the totals its page states",
        (M.total_conversions(with_lost), M.stats(with_lost)["lost"], len(rows), len(with_lost.channels()))
        == (19785, 68602, 10000, 12)
        and close(74802.97, M.total_value(with_lost), relative=1e-7),
        show_totals(with_lost),
    )
    cursor.execute("CREATE TABLE path_rows (path text[], conversions int, lost int, value float8)")
    copy_rows(cursor, "path_rows", [(pg_array(p), c, n, v) for p, c, n, v in rows])
    cursor.execute(
        "CREATE TABLE summaries AS SELECT 0 AS c, journey_summary_agg(path, conversions, lost, value) AS s FROM path_rows"
        " UNION ALL SELECT 1, journey_summary_agg(path, conversions, 0, value) FROM path_rows"
    )
    arguments = {
        "first": 0.2,
        "last": 0.6,
        "ratio": 0.5,
        "ignored": ["alpha", "eta"],
        "k": 1,
        "collapse": True,
        "mapping": {"alpha": "beta", "eta": "other"},
    }
    names = {0: "with lost journeys", 1: "without"}
    questions = Questions(
        tap, cursor, "summaries", {0: (with_lost, arguments), 1: (without, arguments)}, names.get
    )
    questions.basics()
    questions.rules()
    questions.mapped()
    questions.shapley()
    questions.markov()  # order 1, in rationals

    for c, s in ((0, with_lost), (1, without)):
        for order in range(1, 7):
            for collapse in (True, False):
                markov(tap, questions, c, s, order, collapse, names[c])
                transitions(tap, questions, c, s, order, collapse, names[c])
    choose_order(tap, questions, with_lost)
    drop_schema(connection)
    return tap.done()


def show_totals(s):
    return {k: str(v) for k, v in M.stats(s).items()}


def markov(tap, questions, c, s, order, collapse, what):
    name = "Markov order %d, %s, repeats %s" % (order, what, "collapsed" if collapse else "kept")
    call = "markov_removal_effect(t.s, markov_order => %d, collapse_repeats => %s)" % (order, collapse)
    answers = questions.ask(
        name, call, "channel, removal_effect, removal_effect_value, conversions, value, share", [c]
    )
    if answers is None:
        return
    solve = lambda edges, reward: Fraction(solve_float(edges, reward))
    want = M.markov(s, order, collapse, solve)
    got = {r[0]: r[1:] for r in answers[c]}
    tap.check(name, sorted(got) == sorted(want), "channels %s" % sorted(got))
    for channel, w in want.items():
        g = got.get(channel)
        good = g and abs(g[0] - w[0]) < 1e-11 and abs(g[1] - w[1]) < 1e-11
        good = good and close(g[2], w[2]) and close(g[3], w[3]) and close(g[4], M.share(s, w[2]))
        tap.check(name, good, "%s: got %s want %s" % (channel, g, [float(x) for x in w]))
    questions.conserved(name, c, [r[3] for r in answers[c]], [r[4] for r in answers[c]])


def transitions(tap, questions, c, s, order, collapse, what):
    name = "transitions of order %d, %s, repeats %s" % (order, what, "collapsed" if collapse else "kept")
    call = "markov_transitions(t.s, markov_order => %d, collapse_repeats => %s)" % (order, collapse)
    answers = questions.ask(name, call, "from_state, to_state, transitions, probability", [c])
    if answers is None:
        return
    want = M.transitions(s, order, collapse)
    got = {(tuple(r[0]), tuple(r[1])): r[2:] for r in answers[c]}
    tap.check(name, sorted(got) == sorted(want) and len(got) == len(answers[c]), "%d of %d" % (len(got), len(want)))
    bad = [x for x, w in want.items() if x in got and not (got[x][0] == w[0] and close(got[x][1], w[1]))]
    tap.check(name, not bad, "%d differ, first %s: %s %s" % (len(bad), bad[:1], got.get(bad[0]) if bad else "", want[bad[0]] if bad else ""))


def choose_order(tap, questions, s):
    name = "order choice"
    answers = questions.ask(
        name,
        "markov_choose_order(t.s, max_order => 10)",
        "markov_order, states, nodes, auc, penalized_auc",
        [0],
    )
    if answers is None:
        return
    want = M.choose_order(s, 10)
    got = {r[0]: r[1:] for r in answers[0]}
    tap.check(name, sorted(got) == sorted(want), "orders %s, want %s" % (sorted(got), sorted(want)))
    for order, w in want.items():
        g = got.get(order)
        # a score that equals a threshold falls on either side of it by rounding
        slack = 2e-3 if w[4] else 1e-9
        good = g and g[:2] == w[:2] and close(g[2], w[2], absolute=slack) and close(g[3], w[3], absolute=2 * slack)
        tap.check(name, good, "order %d: got %s want %s" % (order, g, [w[0], w[1], float(w[2]), float(w[3])]))


if __name__ == "__main__":
    sys.exit(main())
