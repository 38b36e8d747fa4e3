#!/usr/bin/python3
"""The reference against answers worked out elsewhere: published examples and cases done by hand."""
import os
import sys
from fractions import Fraction as F

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import journeys as J
import models as M
from journeys import DAY, Event, Options, Summary

count = failures = 0


def ok(condition, name):
    global count, failures
    count += 1
    failures += not condition
    print("%sok %d - %s" % ("" if condition else "not ", count, name))


def same(got, want, name):
    ok(got == want, name)
    if got != want:
        print("#  got %r\n# want %r" % (got, want))


# The nine paths of worked_paths.csv, with its exact answers.
WORKED = """A > B > A > C,3,2,90.0
A,2,8,20.0
A > A > A > B,4,1,100.0
B > C,1,4,75.0
C > C,0,5,0.0
C > B > B > A,2,3,60.0
D > A > D,1,0,12.0
B > A > B > A > B,5,5,250.0
D,0,7,0.0"""


def worked(nulls=True):
    s = Summary()
    for line in WORKED.splitlines():
        path, conversions, lost, value = line.split(",")
        s.add_counted(path.split(" > "), int(conversions), int(lost) if nulls else 0, F(value))
    return s


def fractions(text):
    return dict(zip("ABCD", (F(x) for x in text.split())))


s = worked()
same(M.total_conversions(s), 18, "conversions")
same(M.total_value(s), 607, "value")
same(sum(c.lost for c in s.paths.values()), 35, "lost")
same(M.conversion_probability(s), F(18, 53), "P(conversion)")
same(M.removal_effects(s)[0], fractions("674/1053 1490/2061 1067/3330 842/11151"), "RE, order 1")
same(M.removal_effects(s, 2)[0], fractions("17/18 5/6 1/3 1/18"), "RE, order 2")
same(
    M.removal_effects(worked(False))[0],
    fractions("1003/1332 1003/1323 2006/6435 1003/9360"),
    "RE, order 1, nulls ignored",
)
phi = {c: x[0] for c, x in M.shapley_conversions(s).items()}
same(phi, fractions("26/3 20/3 13/6 1/2"), "Shapley conversions, by enumeration")
same({c: x[0] for c, x in M.shapley_distinct(s).items()}, phi, "Shapley conversions, closed form")
same(
    M.shapley_conversions(s), M.shapley_distinct(s), "Shapley conversions: values by both ways"
)
same(M.shapley_rate(s, "exact_rate")[0], fractions("5/24 1/120 -11/120 -1/8"), "Shapley exact rate")
same(
    M.shapley_rate(s, "rate")[0],
    fractions("37880398/153868275 37641341/307736550 -1004483/153868275 -254773/11397650"),
    "Shapley pooled rate",
)
same({c: x[0] for c, x in M.first_touch(s).items()}, fractions("9 6 2 1"), "first touch")
same({c: x[0] for c, x in M.last_touch(s).items()}, fractions("4 9 4 1"), "last touch")
same({c: x[0] for c, x in M.linear(s).items()}, fractions("28/3 25/4 7/4 2/3"), "linear")
position = {c: float(x[0]) for c, x in M.position_based(s).items()}
ok(
    all(abs(position[c] - x) < 1e-6 for c, x in zip("ABCD", (7.566667, 7.133333, 2.5, 0.8))),
    "position 40/20/40",
)
same(sum(x[0] for x in M.shapley_ordered(s).values()), 18, "ordered Shapley adds up")
for c in "ABCD":
    same(
        sum(x[0] for k, x in M.shapley_ordered(s).items() if k[0] == c),
        phi[c],
        "ordered Shapley summed over positions, %s" % c,
    )

for name, table in (
    ("markov 1", {c: x[2:] for c, x in M.markov(s, 1).items()}),
    ("markov 3", {c: x[2:] for c, x in M.markov(s, 3, False).items()}),
    ("linear", M.linear(s)),
    ("position decay", M.position_decay(s, 0.25)),
):
    same((sum(x[0] for x in table.values()), sum(x[1] for x in table.values())), (18, 607), name + " conserves")

three = Summary()
three.add_path(["c1", "c2", "c3"], True)
three.add_path(["c1"], False)
three.add_path(["c2", "c3"], False)
same(M.conversion_probability(three), F(1, 3), "three journeys: P")
same(M.removal_effects(three)[0], {"c1": F(1, 2), "c2": 1, "c3": 1}, "three journeys: RE")
same([x[2] for x in M.markov(three).values()], [F(1, 5), F(2, 5), F(2, 5)], "three journeys: credit")

# Adobe's published example of time decay.
w = M.touch_weights_time_decay([-9 * DAY, -6 * DAY, 0, 0], 7 * DAY)
same([round(float(50 * x), 2) for x in w], [6.92, 9.32, 16.88, 16.88], "time decay, published example")

same(
    [M.touch_weights_position("ab", 0.2, 0.6)[0], M.touch_weights_position("ab", 0.4, 0.4)[0]],
    [F(0.2) / (F(0.2) + F(0.6)), F(1, 2)],
    "position-based, two touches",
)

# order 2: a path shorter than 2 is one state; equal states collapse
same(M.states_of("AAAB", 2), [("A", "A"), ("A", "B")], "order 2 collapses equal states")
same(M.states_of("AAAB", 2, False), [("A", "A"), ("A", "A"), ("A", "B")], "and keeps them when told")
same(M.states_of("A", 2), [("A",)], "a short path is one state")
same(M.states_of("AAB", 1), [("A",), ("B",)], "order 1 collapses")

path = list("DABBCDCC")
for transforms, want in (
    (["unique"], "DABBCDCC"),
    (["exposure"], "DABCDC"),
    (["first"], "DABC"),
    ([{"remove_if_not_all": ["D", "C"]}], "ABB"),
    ([{"remove_if_last_and_not_all": ["C"]}], "DABBCD"),
    ([{"remove_if_last_and_not_all": ["C", "D"]}, "exposure"], "DAB"),
    ([{"remove_if_not_all": ["A", "B", "C", "D"]}], "DABBCDCC"),
):
    same("".join(J.transform_path(path, transforms)), want, "transform %s" % transforms)
same(J.transform_path(path, ["frequency"]), ["D(2)", "A(1)", "B(2)", "C(3)"], "transform frequency")

# Journeys by hand; times in days.


def run(rows, **options):
    events = [
        Event(1, int(at * DAY), channel, converted, value, None, str(i))
        for i, (at, channel, converted, value) in enumerate(rows)
    ]
    for name in ("lookback", "observed_until", "counted_from", "counted_until"):
        if options.get(name) is not None:
            options[name] = int(options[name] * DAY)
    found = J.counted_journeys(events, Options(**options))
    kind = lambda j: "won" if j.converted else "open" if j.is_open else "lost"
    return sorted(("".join(j.path), kind(j), j.date / DAY) for j in found)


same(
    run([(0, "a", None, None), (1, "b", None, None), (2, None, True, 5.0), (3, "c", None, None)], lookback=10),
    [("ab", "won", 2.0), ("c", "lost", 3.0)],
    "a journey that converts and one that ends in silence",
)
same(
    run([(0, "a", None, None), (1, None, True, 5.0), (2, "b", None, None), (3, None, True, 5.0)], lookback=10),
    [("a", "won", 1.0), ("ab", "won", 3.0)],
    "a later conversion reuses touches",
)
same(
    run(
        [(0, "a", None, None), (1, None, True, 5.0), (2, "b", None, None), (3, None, True, 5.0)],
        lookback=10,
        reuse_touches=False,
    ),
    [("a", "won", 1.0), ("b", "won", 3.0)],
    "unless told not to",
)
same(
    run([(0, "a", True, 1.0), (0, "b", True, 2.0)], lookback=1, reuse_touches=False),
    [("ab", "won", 0.0), ("ab", "won", 0.0)],
    "conversions at one instant see the same touches",
)
same(
    run([(0, "a", None, None), (1, "b", None, None), (2.5, "c", None, None)], lookback=1),
    [("ab", "lost", 1.0), ("c", "lost", 2.5)],
    "a gap of exactly lookback holds a run together",
)
same(
    run([(0, "a", None, None), (1, "b", None, None), (2, "c", None, None)], lookback=1.5),
    [("bc", "lost", 2.0)],
    "a lost journey reaches back lookback from its last touch",
)
same(
    run([(0, "a", None, None), (3, None, True, None)], lookback=2),
    [("", "won", 3.0), ("a", "lost", 0.0)],
    "too late a conversion: an empty path, and a lost journey",
)
same(
    run([(0, "a", None, None), (2, None, True, None)], lookback=2),
    [("a", "won", 2.0)],
    "the window includes its ends",
)
same(
    run([(0, "a", None, None), (9, "b", None, None), (11, None, True, 1.0)], lookback=2, observed_until=10),
    [("a", "lost", 0.0), ("b", "open", 9.0)],
    "open while it may still convert; later events are not seen",
)
same(
    run([(8, "b", None, None)], lookback=2, observed_until=10),
    [("b", "lost", 8.0)],
    "not open at exactly observed_until - lookback",
)
same(
    run([(0, "a", None, None), (1, "b", None, None), (2, None, True, None)], lookback=9, channel_lookback={"a": DAY}),
    [("b", "won", 2.0)],
    "a shorter window for a channel",
)
same(
    run(
        [(0, "a", None, None), (1, "b", None, None), (2, None, True, None), (3, "c", None, None)],
        lookback=None,
        counted_from=2,
        counted_until=3,
    ),
    [("ab", "won", 2.0)],
    "the counting window holds its start, not its end",
)
same(
    run([(0, "a", None, None), (1, "a", None, None), (2, "b", True, None)], max_touches=2, transforms=["exposure"]),
    [("ab", "won", 2.0)],
    "the latest touches, then transforms",
)
anonymous = [Event(None, 0, "a"), Event(None, 1, None, True, 3.0)]
total = J.summarize_events(anonymous, Options())
same(
    (M.journeys(total), total.touches_seen, total.anonymous_touches),
    ({(): (1, 0, 0, 3)}, 1, 1),
    "anonymous touches are counted and ignored, their conversions have empty paths",
)
same(J.summarize_events([], Options()), None, "zero rows: NULL")

print("1..%d" % count)
sys.exit(failures > 0)
