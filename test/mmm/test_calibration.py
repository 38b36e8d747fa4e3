#!/usr/bin/python3
"""
Simulation-based calibration of mmm_fit (Talts, Betancourt, Simpson, Vehtari and Gelman 2018): parameters drawn from the
priors, data simulated from them by an independent implementation of the model, a prior of ROI and a lift test among
them, and ranks of the true values among the posterior's draws. If the fit draws from the posterior it says it does, ranks
are uniform. The test is chi-squared over 10 bins; no parameter's p-value may be below 0.001 (a sound sampler of 10
parameters fails once in a hundred seeds, and this seed is fixed).

ATTRIB_SBC sets the number of simulations, 150 unless set; bench/calibration does the same for more models at full size.
"""
import json
import math
import os
import time

import numpy

from common import cursor, done, ok, rows

SIMULATIONS = int(os.environ.get("ATTRIB_SBC", "150"))
WEEKS = 60
BINS = 10
KEPT = 100
generator = numpy.random.default_rng(1)
spend = numpy.stack([generator.uniform(0, 1, WEEKS) * (generator.uniform(0, 1, WEEKS) < 0.6), generator.uniform(0.2, 1, WEEKS)])
spend[:, 0] = 0
spend[:, 1] = 1       # so that the greatest exposure is 1
price = generator.normal(0, 0.3, WEEKS)
price[2] = 1
PRIORS = {"a": {"decay": {"dist": "beta", "alpha": 2, "beta": 3}, "half_saturation": {"dist": "lognormal", "mu": -1, "sigma": 0.4},
                "coefficient": {"dist": "halfnormal", "sigma": 0.2}},
          "b": {"decay": {"dist": "beta", "alpha": 2, "beta": 3}, "half_saturation": {"dist": "lognormal", "mu": -1, "sigma": 0.4},
                "roi": {"dist": "lognormal", "mu": -2.5, "sigma": 0.5}},
          "intercept": {"dist": "normal", "mu": 0.2, "sigma": 0.05}, "trend": {"dist": "normal", "mu": 0, "sigma": 0.05},
          "price": {"dist": "normal", "mu": 0, "sigma": 0.05}, "pin": {"dist": "normal", "mu": 0, "sigma": 100},
          "sigma": {"dist": "gamma", "alpha": 4, "beta": 100}}


def transformed(x, decay, half):
    weights = decay ** numpy.arange(5)
    stock = numpy.convolve(x, weights / weights.sum())[:WEEKS]
    return stock / (stock + half)


def simulate():
    true = {("a", "decay"): generator.beta(2, 3), ("b", "decay"): generator.beta(2, 3),
            ("a", "half_saturation"): generator.lognormal(-1, 0.4), ("b", "half_saturation"): generator.lognormal(-1, 0.4),
            ("a", "coefficient"): abs(generator.normal(0, 0.2)), ("intercept", "coefficient"): generator.normal(0.2, 0.05),
            ("trend", "coefficient"): generator.normal(0, 0.05), ("price", "coefficient"): generator.normal(0, 0.05),
            ("likelihood", "sigma"): generator.gamma(4, 0.01)}
    sat = [transformed(spend[i], true[c, "decay"], true[c, "half_saturation"]) for i, c in enumerate("ab")]
    true["b", "coefficient"] = generator.lognormal(-2.5, 0.5) * spend[1].sum() / sat[1].sum()
    kpi = (true["intercept", "coefficient"] + true["trend", "coefficient"] * numpy.arange(WEEKS) / (WEEKS - 1) + true["price", "coefficient"] * price
           + true["a", "coefficient"] * sat[0] + true["b", "coefficient"] * sat[1] + generator.normal(0, true["likelihood", "sigma"], WEEKS))
    changed = spend[0].copy()
    changed[30:34] += 0.5
    lift = true["a", "coefficient"] * (transformed(changed, true["a", "decay"], true["a", "half_saturation"]) - sat[0])[30:34].sum()
    return true, kpi, generator.normal(lift, 0.05)


cursor.execute("CREATE TEMP TABLE simulated (t int, kpi float8, a float8, b float8, price float8, pin float8)")
ranks = {}
began = time.time()
for simulation in range(SIMULATIONS):
    true, kpi, lift = simulate()
    # the week in which a control alone says what happened has the greatest kpi, so that all simulations have one scale
    kpi[0] = 1
    if abs(kpi[1:]).max() >= 1:
        continue
    cursor.execute("TRUNCATE simulated")
    cursor.execute("INSERT INTO simulated SELECT * FROM unnest(%s::int[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[])",
                   (list(range(WEEKS)), kpi.tolist(), spend[0].tolist(), spend[1].tolist(), price.tolist(), [1.0] + [0.0] * (WEEKS - 1)))
    tests = [{"channel": "a", "from": "2024-07-29", "to": "2024-08-19", "spend_change": 2.0, "lift": lift, "standard_error": 0.05}]
    draws = rows("SELECT d.component, d.parameter, array_agg(d.value ORDER BY d.chain, d.draw) FROM (SELECT mmm_fit("
                 "mmm_dataset_agg(date '2024-01-01' + 7 * t, kpi, jsonb_build_object('a', a, 'b', b), jsonb_build_object('price', price, 'pin', pin)), "
                 "max_lag => 4, fourier_terms => 0, priors => %s, lift_tests => %s, chains => 1, warmup => 400, draws => 1000, seed => %s, "
                 "extra => '{\"target_accept\": 0.9}') AS m FROM simulated) AS f, mmm_draws(m) AS d WHERE d.draw %% 10 = 0 GROUP BY 1, 2",
                 json.dumps(PRIORS), json.dumps(tests), simulation)
    for component, parameter, values in draws:
        if (component, parameter) in true:
            ranks.setdefault((component, parameter), []).append(sum(v < true[component, parameter] for v in values))
print("# %d simulations of %d weeks: %.0f s" % (SIMULATIONS, WEEKS, time.time() - began))


def chi_squared_tail(x, degrees):
    """By the regularized incomplete gamma function's series."""
    a, x = degrees / 2, x / 2
    term = total = 1 / a
    n = a
    while term > total * 1e-15:
        n += 1
        term *= x / n
        total += term
    return 1 - total * math.exp(-x + a * math.log(x) - math.lgamma(a))


for key, found in sorted(ranks.items()):
    histogram = numpy.bincount(numpy.minimum(numpy.array(found) * BINS // (KEPT + 1), BINS - 1), minlength=BINS)
    # of the KEPT + 1 possible ranks each bin has its own share
    share = numpy.bincount(numpy.minimum(numpy.arange(KEPT + 1) * BINS // (KEPT + 1), BINS - 1), minlength=BINS) / (KEPT + 1)
    statistic = ((histogram - len(found) * share) ** 2 / (len(found) * share)).sum()
    p = chi_squared_tail(statistic, BINS - 1)
    ok(p > 0.001, "ranks of %s %s are uniform: chi-squared %.1f, p %.3f" % (key + (statistic, p)), str(histogram.tolist()))
done()
