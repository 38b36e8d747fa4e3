#!/usr/bin/python3
"""
optimize_budget and optimize_flighting over models against independent answers: the response function written anew
from the model's JSON, dynamic programming over fine grids of multipliers, sorted draws, and brute force over tiny
horizons. No plan may be worse than theirs, no bound below them, no limit broken.
"""
import itertools
import json
import math
import random

import numpy

from common import cursor, done, ok, rows

cursor.execute("SET client_min_messages = error")
cursor.execute("CREATE TEMP TABLE models (name text PRIMARY KEY, m mmm_model)")


# ---------------------------------------------------------------------------------------------------
# Data and models
# ---------------------------------------------------------------------------------------------------
def series(seed, geo):
    draw = random.Random(seed)
    weeks = 90
    media = {"a": [draw.choice((0, 0, 1, 2, 6)) * 100.0 * (1 + geo) for _ in range(weeks)],
             "b": [20.0 + 60 * draw.random() for _ in range(weeks)],
             "c": [200.0 * (t % 10 < 3) + 5 * draw.random() for t in range(weeks)]}
    kpi = []
    stock = {c: 0.0 for c in media}
    for t in range(weeks):
        total = 400 + t + 10 * draw.random()
        for c, (decay, half, slope, size) in {"a": (.5, 250, 3, 300), "b": (.2, 60, 1, 150), "c": (.4, 80, 2, 200)}.items():
            stock[c] = decay * stock[c] + (1 - decay) * media[c][t]
            total += size * stock[c] ** slope / (stock[c] ** slope + (half * (1 + geo)) ** slope)
        kpi.append(total * (1 + geo))
    return media, kpi


def load(name, arguments, geos=1):
    values = []
    for geo in range(geos):
        media, kpi = series(7 + geo, geo)
        for t, value in enumerate(kpi):
            values.append(("geo %d" % geo, t, value, json.dumps({c: media[c][t] for c in media})))
    cursor.execute("CREATE TEMP TABLE rows_in (geo text, t int, kpi float8, media jsonb)")
    cursor.executemany("INSERT INTO rows_in VALUES (%s, %s, %s, %s)", values)
    form = "geo, " if geos > 1 else ""
    cursor.execute("INSERT INTO models SELECT %%s, mmm_fit((SELECT mmm_dataset_agg(%sdate '2023-01-02' + 7 * t, kpi, media) FROM rows_in), "
                   "'ridge', fourier_terms => 0, %s)" % (form, arguments), (name,))
    cursor.execute("DROP TABLE rows_in")


MODELS = {
    "hill": ("free_slope => true, extra => '{\"replicates\": 60}'", 1),
    "geos": ("free_slope => true, extra => '{\"replicates\": 0}'", 2),
    "logistic": ("saturation => 'logistic', extra => '{\"replicates\": 0}'", 1),
    "sigmoid": ("saturation => 'hill_sigmoid', free_slope => true, adstock_first => false, extra => '{\"replicates\": 0}'", 1),
    "delayed": ("adstock => 'delayed', free_slope => true, extra => '{\"replicates\": 0}'", 1),
    "root": ("saturation => 'root', extra => '{\"replicates\": 0}'", 1),
}
for model_name, (model_arguments, model_geos) in MODELS.items():
    load(model_name, model_arguments, model_geos)


# ---------------------------------------------------------------------------------------------------
# The response function, anew
# ---------------------------------------------------------------------------------------------------
def hill(x, half, slope):
    with numpy.errstate(divide="ignore", over="ignore"):
        return 1 / (1 + (half / numpy.maximum(x, 0)) ** slope)


def saturate(kind, x, half, slope):
    if kind == "hill":
        return hill(x, half, slope)
    if kind == "logistic":
        return numpy.tanh(x * math.log(3) / 2 / half)
    if kind == "root":
        return x ** slope
    b = (slope + math.log1p(2 * math.exp(-slope))) / half
    rise = 1 / (1 + numpy.exp(-(b * x - slope))) - 1 / (1 + math.exp(slope))
    return rise * (1 + math.exp(-slope))


class Model:
    def __init__(self, name):
        value = json.loads(rows("SELECT m::text FROM models WHERE name = %s", name)[0][0])
        self.name = name
        self.arguments = value["arguments"]
        data = value["dataset"]["rows"]
        self.channels = sorted(data[0]["media"])
        self.geos = sorted({row.get("geo", "") for row in data})
        self.spend = {g: {c: numpy.array([row["media"][c] for row in data if row.get("geo", "") == g]) for c in self.channels}
                      for g in self.geos}
        self.kpi_scale = max(abs(row["kpi"]) for row in data)
        self.scale = {c: max(self.spend[g][c].max() for g in self.geos) for c in self.channels}
        self.periods = len(data) // len(self.geos)
        self.parameters = value["parameters"]
        self.draws = value.get("draws", [])
        kind = self.arguments["saturation"]
        self.adstocks = 2 if self.arguments["adstock"] == "delayed" else 1
        self.own = self.adstocks + (kind != "root") + (kind == "root" or self.arguments["free_slope"] and kind != "logistic")

    def pieces(self, channel, parameters):
        at = self.channels.index(channel)
        own = parameters[at * self.own:(at + 1) * self.own]
        lags = numpy.arange(self.arguments["max_lag"] + 1)
        weights = own[0] ** (lags if self.adstocks == 1 else (lags - own[1]) ** 2.0)
        rest = own[self.adstocks:]
        kind = self.arguments["saturation"]
        half, slope = (1, rest[0]) if kind == "root" else (rest[0], rest[1] if len(rest) > 1 else 1)
        return (weights / weights.sum(), lambda x: saturate(kind, x, half, slope),
                self.kpi_scale * parameters[len(self.channels) * self.own + at])

    def series(self, x, channel, parameters):
        """The response of one geo's scaled exposures, by period."""
        weights, curve, gain = self.pieces(channel, parameters)
        if self.arguments["adstock_first"]:
            return gain * curve(numpy.convolve(x, weights)[:len(x)])
        return gain * numpy.convolve(curve(x), weights)[:len(x)]

    def response(self, channel, multiplier, periods=None, parameters=None):
        first = 0 if periods is None else self.periods - periods
        return sum(self.series(multiplier * self.spend[g][channel] / self.scale[channel], channel,
                               parameters or self.parameters)[first:].sum() for g in self.geos)

    def total(self, channel, periods=None):
        first = 0 if periods is None else self.periods - periods
        return float(sum(self.spend[g][channel][first:].sum() for g in self.geos))  # a number for SQL: NumPy 2 prints its own otherwise


def close(a, b, relative=1e-9):
    return abs(a - b) <= relative * max(abs(a), abs(b))


models = {name: Model(name) for name in MODELS}
for model in models.values():
    worst = 0
    for channel, multiplier, response in rows("SELECT channel, multiplier, response FROM models, mmm_response_curves(m, 9) "
                                              "WHERE name = %s", model.name):
        worst = max(worst, abs(model.response(channel, multiplier) - response) / model.response(channel, 2))
    ok(worst < 1e-12, "%s: the response function written anew is that of mmm_response_curves" % model.name, worst)


# ---------------------------------------------------------------------------------------------------
# Plans against dynamic programming
# ---------------------------------------------------------------------------------------------------
STEPS = 1500


def best_by_grid(values):
    """values[channel][k]: of k steps. The most that STEPS steps bring, at each number of steps."""
    best = numpy.zeros(STEPS + 1)
    for value in values:
        padded = numpy.concatenate([numpy.full(STEPS, -numpy.inf), best])
        best = numpy.array([numpy.max(padded[k:k + STEPS + 1][::-1] + value) for k in range(STEPS + 1)])
    return best


def plan(name, arguments=""):
    names = ("channel", "current_spend", "optimal_spend", "current_response", "optimal_response", "roas", "marginal_roas",
             "objective_value", "upper_bound", "gap", "lift", "lift_low", "lift_high", "extrapolated")
    return [dict(zip(names, row)) for row in rows("SELECT %s FROM models, optimize_budget(m%s) AS o WHERE name = '%s'"
                                                  % (", ".join("o." + n for n in names), arguments, name))]


for name, model in models.items():
    for periods, factor in ((None, 1), (13, 1), (13, 2.5), (40, 0.4)):
        today = sum(model.total(c, periods) for c in model.channels)
        total = factor * today
        answer = plan(name, ", %r%s" % (total, "" if periods is None else ", periods => %d" % periods))
        values = [[model.response(c, total * k / STEPS / model.total(c, periods), periods) for k in range(STEPS + 1)]
                  for c in model.channels]
        reference = best_by_grid(values)[STEPS]
        mine = sum(model.response(a["channel"], a["optimal_spend"] / a["current_spend"], periods) for a in answer)
        detail = "mine %r reference %r %r" % (mine, reference, answer)
        what = "%s, last %s periods, %g times today's" % (name, periods or "all", factor)
        ok(mine >= reference * (1 - 1e-9), what + ": no worse than dynamic programming", detail)
        ok(answer[0]["upper_bound"] >= max(reference, mine) * (1 - 1e-13), what + ": a bound on it", detail)
        ok(answer[0]["gap"] <= 1e-6 and close(answer[0]["objective_value"], mine), what + ": proven, and worth what it says", detail)
        ok(sum(a["optimal_spend"] for a in answer) <= total * (1 + 1e-9), what + ": within the total", detail)
        ok(all(close(a["current_response"], model.response(a["channel"], 1, periods)) for a in answer)
           and all(a["extrapolated"] == (a["optimal_spend"] / a["current_spend"] > model.scale[a["channel"]] * (1 + 1e-9) /
                                         max(model.spend[g][a["channel"]][-(periods or 0):].max() for g in model.geos))
                   for a in answer), what + ": today's numbers, and where it extrapolates", detail)

# A floor over two channels, by dynamic programming under it.
model = models["hill"]
total = sum(model.total(c) for c in model.channels)
values = {c: numpy.array([model.response(c, total * k / STEPS / model.total(c)) for k in range(STEPS + 1)]) for c in model.channels}
pair = best_by_grid([values["a"], values["b"]])
floor = int(0.9 * STEPS)
reference = max(pair[k] + values["c"][STEPS - k] for k in range(floor, STEPS + 1))
answer = plan("hill", ", constraints => '[{\"channels\": [\"a\", \"b\"], \"min\": %r}]'" % (total * floor / STEPS))
ok(answer[0]["objective_value"] >= reference * (1 - 1e-9) and answer[0]["upper_bound"] >= reference and answer[0]["gap"] <= 1e-6
   and answer[0]["optimal_spend"] + answer[1]["optimal_spend"] >= total * floor / STEPS * (1 - 1e-9), "hill: a floor over two channels", answer)

# A target: the most response at this return, over grids of plans.
wanted = 1.1 * sum(a["current_response"] for a in answer) / total
reference = max(a + b + c for k, a in enumerate(values["a"][::30]) for j, b in enumerate(values["b"][::30]) for i, c in enumerate(values["c"][::30])
                if a + b + c >= wanted * 30 * (k + j + i) * total / STEPS and k + j + i > 0)
answer = plan("hill", ", target_roas => %r" % wanted)
ok(answer[0]["objective_value"] >= reference * (1 - 1e-9) and answer[0]["upper_bound"] >= reference and answer[0]["gap"] <= 1e-6
   and sum(a["optimal_response"] for a in answer) >= wanted * sum(a["optimal_spend"] for a in answer) * (1 - 1e-9), "hill: a target return", answer)

# ---------------------------------------------------------------------------------------------------
# Draws
# ---------------------------------------------------------------------------------------------------
lifts = [[model.response(a["channel"], a["optimal_spend"] / a["current_spend"], None, d) - model.response(a["channel"], 1, None, d)
          for d in model.draws] for a in answer]
ok(all(close(numpy.percentile(l, 5), a["lift_low"], 1e-6) and close(numpy.percentile(l, 95), a["lift_high"], 1e-6)
       for l, a in zip(lifts, answer)), "the lift's interval is that of the draws", answer)


def tail(multipliers, level):
    numbers = sorted(sum(model.response(c, multipliers[c], None, d) for c in model.channels) for d in model.draws)
    most = level * len(numbers)
    whole = int(most)
    return (sum(numbers[:whole]) + (most - whole) * (numbers[whole] if whole < len(numbers) else 0)) / most


for level in (0.1, 0.33, 1):
    answer = plan("hill", ", risk => 'cvar', risk_level => %r" % level)
    mine = tail({a["channel"]: a["optimal_spend"] / a["current_spend"] for a in answer}, level)
    steps = 12
    reference = max(tail({"a": total * i / steps / model.total("a"), "b": total * j / steps / model.total("b"),
                          "c": total * (steps - i - j) / steps / model.total("c")}, level)
                    for i in range(steps + 1) for j in range(steps + 1 - i))
    detail = "mine %r reference %r bound %r gap %r" % (mine, reference, answer[0]["upper_bound"], answer[0]["gap"])
    ok(close(mine, answer[0]["objective_value"], 1e-8), "the worst %g of draws: worth what it says" % level, detail)
    ok(answer[0]["upper_bound"] >= max(mine, reference) * (1 - 1e-9), "the worst %g of draws: a bound" % level, detail)
    ok(mine >= reference * (1 - 1e-9) and mine >= tail({c: 1 for c in model.channels}, level),
       "the worst %g of draws: no worse than a grid's, or today's" % level, detail)
    print("# gap %.2e" % answer[0]["gap"])

# ---------------------------------------------------------------------------------------------------
# Flighting
# ---------------------------------------------------------------------------------------------------
def horizon(model, plans, periods):
    """The response within the horizon to plans[channel], by channel and period."""
    out = {}
    for c in model.channels:
        whole = model.total(c)
        out[c] = sum(model.series(numpy.concatenate([model.spend[g][c], numpy.array(plans[c]) * (model.spend[g][c].sum() / whole)]) / model.scale[c],
                                  c, model.parameters)[-periods:] for g in model.geos)
    return out


def flighting(name, total, periods, constraints="[]"):
    found = rows("SELECT f.channel, f.spend, f.response, f.upper_bound FROM models, optimize_flighting(m, %s, %s, %s) AS f "
                 "WHERE name = %s ORDER BY f.period", total, periods, constraints, name)
    plans = {c: [row[1] for row in found if row[0] == c] for c in models[name].channels}
    return plans, {c: [row[2] for row in found if row[0] == c] for c in models[name].channels}, found[0][3]


for name, model in models.items():
    for periods in (2, 8):
        total = sum(model.total(c) for c in model.channels) * periods / model.periods
        plans, responses, bound = flighting(name, total, periods)
        known = horizon(model, plans, periods)
        mine = sum(known[c].sum() for c in model.channels)
        flat = sum(r.sum() for r in horizon(model, {c: [model.total(c) / model.periods] * periods for c in model.channels}, periods).values())
        what = "%s, flighting over %d periods" % (name, periods)
        ok(all(close(a, b, 1e-8) for c in model.channels for a, b in zip(known[c], responses[c])), what + ": responses")
        ok(abs(sum(map(sum, plans.values())) - total) <= 1e-9 * total and min(map(min, plans.values())) >= 0, what + ": the total")
        ok(flat * (1 - 1e-12) <= mine <= bound * (1 + 1e-12), what + ": no worse than today's spread evenly, within the bound",
           "%r %r %r" % (flat, mine, bound))
        print("# gap %.2e, %.1f %% above today's spread evenly" % (bound / mine - 1, 100 * (mine / flat - 1)))
        if periods > 2:
            continue
        steps = 8
        best = 0
        for shares in itertools.product(range(steps + 1), repeat=5):
            if sum(shares) <= steps:
                x = [total * s / steps for s in shares] + [total * (steps - sum(shares)) / steps]
                best = max(best, sum(r.sum() for r in horizon(model, {"a": x[:2], "b": x[2:4], "c": x[4:]}, 2).values()))
        ok(mine >= best * (1 - 1e-9) and bound >= best, what + ": no worse than brute force", "%r %r" % (mine, best))

model = models["hill"]
plans, _, bound = flighting("hill", 3000, 6, '[{"channels": ["a", "b"], "max": 1500}, {"channels": ["c"], "equal": 700}]')
ok(sum(plans["a"]) + sum(plans["b"]) <= 1500 * (1 + 1e-9) and abs(sum(plans["c"]) - 700) < 1e-6, "flighting keeps limits", plans)

done()
