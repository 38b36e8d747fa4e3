#!/usr/bin/python3
"""
Coefficients by geo against a panel of known truth: coverage, shrinkage, sums over geos draw by draw, what population
and pooling change, lift tests of one geo, national media.
"""
import json

import numpy

from common import cursor, done, ok, rows
from geo_panel import MAX_LAG, Panel

cursor.execute("SET client_min_messages = error")
panel = Panel(8, 80, 2, seed=11, spread=0.4)
panel.load(cursor, "panel")
cursor.execute("CREATE TEMP TABLE d AS SELECT mmm_dataset_agg(geo, week, kpi, media, '{}', population) AS d FROM panel")
cursor.execute("CREATE TEMP TABLE models (name text PRIMARY KEY, m mmm_model)")


def fit(name, arguments="", dataset="(SELECT d FROM d)"):
    cursor.execute("INSERT INTO models SELECT %%s, mmm_fit(%s, chains => 2, warmup => 400, draws => 500, fourier_terms => 1%s)"
                   % (dataset, arguments), (name,))


def by_geo(name, level=0.9):
    return {(g, c): numbers for g, c, *numbers in rows(
        "SELECT geo, channel, roas, roas_low, roas_high, contribution, contribution_low, contribution_high "
        "FROM models, mmm_roas(m, by => 'geo', level => %s) WHERE name = %s", level, name)}


def total(name, level=0.9):
    return {c: numbers for c, *numbers in rows(
        "SELECT channel, roas, roas_low, roas_high, contribution, contribution_low, contribution_high "
        "FROM models, mmm_roas(m, level => %s) WHERE name = %s", level, name)}


def coefficients(name):
    return {(p[len("coefficient["):-1], c): mean for c, p, mean in rows(
        "SELECT component, parameter, mean FROM models, mmm_parameters(m) WHERE name = %s AND parameter ~ '\\['", name)}


# Partial pooling finds the truth
fit("partial")
rhat, ess, divergences = rows("""SELECT max(rhat), min(ess_bulk), (SELECT value FROM mmm_diagnostics(min(m::text)::mmm_model) WHERE metric = 'divergences')
    FROM models, mmm_parameters(m)""")[0]
ok(rhat <= 1.02 and ess >= 200 and divergences == 0, "chains agree", "R-hat %g, ESS %g, %g divergences" % (rhat, ess, divergences))
partial, whole = by_geo("partial"), total("partial")
ok(all(low < panel.roas(c) < high for c, (_, low, high, *_) in total("partial", 0.99).items()), "ROAS of all covers the truth",
   str([(v[:3], panel.roas(c)) for c, v in whole.items()]))
covered = sum(low < panel.roas(c, g) < high for (g, c), (_, low, high, *_) in partial.items())
ok(covered >= 12, "ROAS by geo covers the truth as often as it says (%d of 16)" % covered)
deviation = dict(rows("SELECT component, low < %s AND high > %s FROM models, mmm_parameters(m) WHERE parameter = 'geo_sd' AND name = 'partial'",
                      panel.spread, panel.spread / 2))
ok(all(deviation.values()), "the deviation between geos is found")

# Shrinkage, where the data of a geo say little: between no pooling and complete pooling
noisy = Panel(8, 80, 2, seed=12, spread=0.4, noise=0.4)
noisy.load(cursor, "noisy")
cursor.execute("CREATE TEMP TABLE n AS SELECT mmm_dataset_agg(geo, week, kpi, media, '{}', population) AS d FROM noisy")
pooling = ("none", "partially", "complete")
for name in pooling:
    fit(name, """, extra => '{"pooling": "%s"}'""" % name.replace("partially", "partial"), "(SELECT d FROM n)")
ok(not coefficients("complete"), "complete pooling has no coefficients by geo")
away = {}
for name in ("none", "partially"):
    logs = {c: numpy.log([v for (g, d), v in coefficients(name).items() if d == c]) for c in noisy.channels}
    away[name] = {c: logs[c] - logs[c].mean() for c in noisy.channels}
ok(all(away["partially"][c].std() < away["none"][c].std() for c in noisy.channels), "coefficients of geos are drawn together")
inward = sum(int((numpy.abs(away["partially"][c]) < numpy.abs(away["none"][c])).sum()) for c in noisy.channels)
ok(inward >= 12, "most geos lie between their own data and the others (%d of 16)" % inward)
error = {name: numpy.mean([abs(v[0] / noisy.roas(c, g) - 1) for (g, c), v in by_geo(name).items()]) for name in pooling}
ok(error["partially"] < min(error["complete"], 1.05 * error["none"]), "ROAS by geo is nearest to the truth: %s" % {k: round(float(v), 3) for k, v in error.items()})
summary = rows("SELECT component, mean FROM models, mmm_parameters(m) WHERE name = 'none' AND parameter = 'geo_sd' AND prior_mean IS NULL")
ok(len(summary) == 2 and all(mean > 0 for _, mean in summary), "without pooling geo_sd is a summary without a prior")

# Sums: the total of every draw is the sum of the geos' of that draw
ok(all(abs(sum(partial[g, c][3] for g in panel.geos) / whole[c][3] - 1) < 1e-9 for c in panel.channels), "contributions of geos add up")
ok(all(whole[c][4] > sum(partial[g, c][4] for g in panel.geos) and whole[c][5] < sum(partial[g, c][5] for g in panel.geos)
       for c in panel.channels), "the total's interval is narrower than the sum of the geos' bounds")
draws = {}
for c, p, value in rows("SELECT component, parameter, array_agg(value ORDER BY chain, draw) FROM models, mmm_draws(m) WHERE name = 'partial' GROUP BY 1, 2"):
    draws[c, p] = numpy.array(value)
spend = {(g, c): numpy.array([m[c] for h, _, _, m, _ in panel.rows if h == g]) for g in panel.geos for c in panel.channels}
for c in panel.channels:
    decay, half = draws[c, "decay"][:, None], draws[c, "half_saturation"][:, None]
    weights = [decay ** lag for lag in range(MAX_LAG + 1)]
    contributed = 0
    for g in panel.geos:
        x = spend[g, c] / panel.population[g]
        stock = sum(w * numpy.concatenate([numpy.zeros(lag), x[:len(x) - lag]]) for lag, w in enumerate(weights)) / sum(weights)
        contributed = contributed + panel.population[g] * draws[c, "coefficient[%s]" % g] * (stock / (stock + half)).sum(axis=1)
    low, high = numpy.quantile(contributed, [0.05, 0.95])
    ok(abs(contributed.mean() / whole[c][3] - 1) < 1e-9 and abs(low / whole[c][4] - 1) < 1e-9 and abs(high / whole[c][5] - 1) < 1e-9,
       "mean and interval of %s are those of the draws of the sum" % c)
curve = dict(rows("SELECT channel, response FROM models, mmm_response_curves(m, points => 3) WHERE name = 'partial' AND multiplier = 1"))
ok(all(abs(curve[c] / whole[c][3] - 1) < 1e-9 for c in panel.channels), "the curve goes through the contribution")
contributions = rows("""SELECT max(abs(c.sum - p.predicted)) FROM
    (SELECT geo, period, sum(contribution) FROM models, mmm_contributions(m) WHERE name = 'partial' GROUP BY 1, 2) AS c
    JOIN (SELECT geo, period, predicted FROM models, mmm_predict(m, (SELECT d FROM d)) WHERE name = 'partial') AS p USING (geo, period)""")
ok(contributions[0][0] < 1e-6, "contributions add up to the prediction")
ok(rows("SELECT bool_and(mmm_model_send(m::text::mmm_model) = mmm_model_send(m)) FROM models")[0][0], "text gives the same bytes")

# Population: the unit it is counted in does not matter, leaving it out does
cursor.execute("CREATE TEMP TABLE thousands AS SELECT mmm_dataset_agg(geo, week, kpi, media, '{}', population / 1000) AS d FROM panel")
fit("thousands", dataset="(SELECT d FROM thousands)")
ok(all(abs(v[0] / whole[c][0] - 1) < 0.02 for c, v in total("thousands").items()), "population may be counted in thousands")
cursor.execute("CREATE TEMP TABLE total AS SELECT mmm_dataset_agg(geo, week, kpi, media) AS d FROM panel")
fit("unscaled", dataset="(SELECT d FROM total)")
spread = {name: dict(rows("SELECT component, mean FROM models, mmm_parameters(m) WHERE name = %s AND parameter = 'geo_sd'", name))
          for name in ("partial", "unscaled")}
ok(all(spread["unscaled"][c] > spread["partial"][c] for c in panel.channels),
   "without population geos differ by their size as well", str(spread))

# A lift test of one geo tells of that geo more than of the others
test = {"channel": "c0", "geo": "g03", "from": "2022-03-07", "to": "2022-04-25"}
x = spend["g03", "c0"][9:17].sum()
true = rows("SELECT sum(contribution) FROM models, mmm_contributions(m, '2022-03-07', '2022-04-25') WHERE name = 'partial' AND geo = 'g03' AND component = 'c0'")[0][0]
test.update(spend_change=-x, lift=-0.7 * true, standard_error=0.02 * true)
fit("lift", ", lift_tests => '%s'" % json.dumps([test]))
lifted = by_geo("lift")
moved = {g: lifted[g, "c0"][0] / partial[g, "c0"][0] for g in panel.geos}
ok(moved["g03"] < 0.9 and all(moved["g03"] < moved[g] for g in panel.geos if g != "g03"), "a lift test moves its own geo most", str(moved))

# Priors of the deviation
fit("tight", """, priors => '{"c0": {"geo_sd": {"dist": "halfnormal", "sigma": 0.01}}}'""")
tight = dict(rows("SELECT component, mean FROM models, mmm_parameters(m) WHERE name = 'tight' AND parameter = 'geo_sd'"))
ok(tight["c0"] < 0.1 < tight["c1"], "a prior of geo_sd pools one channel", str(tight))

# A prior of ROI is one of what all geos return together
fit("roi", """, extra => '{"prior_only": true}', priors => '{"c1": {"roi": {"dist": "lognormal", "mu": 0.5, "sigma": 0.3}}}'""")
roi, low, high = total("roi")["c1"][:3]
ok(abs(numpy.log(low) - 0.5 + 1.645 * 0.3) < 0.1 and abs(numpy.log(high) - 0.5 - 1.645 * 0.3) < 0.1, "the prior of ROI is that of the total",
   "%g: %g .. %g" % (roi, low, high))

# National media: all geos state the national figure, and the split sums to it
cursor.execute("""CREATE TEMP TABLE national AS SELECT mmm_dataset_agg(geo, week, kpi, media || '{"tv": 100}', '{}', population) AS d FROM panel""")
fit("national", ", extra => '{\"pooling\": \"complete\"}'", "(SELECT mmm_split_national(d, '{tv}') FROM national)")
ok(abs(rows("SELECT spend FROM models, mmm_roas(m) WHERE name = 'national' AND channel = 'tv'")[0][0] - 100 * 80) < 1e-6, "national spend is counted once")

fit("ridge", ", method => 'ridge'")
ok(not coefficients("ridge"), "ridge keeps one coefficient for all geos")
done()
