#!/usr/bin/python3
"""
mmm_fit with its transform parameters pinned, against ridge regression written once more with numpy alone: the
design matrix from the documentation, the non-negative minimum by trying every set of active channels. The panel
has geos of unequal population, an interaction, controls, a missing kpi, a holdout and a channel that hurts.
"""
import itertools
import json
import math

import numpy

from common import cursor, done, ok, rows

PERIODS, TRAIN, SEASON, LAG = 78, 72, 26.0, 4
GEOS = {"east": 2.5, "north": 1.0, "south": 4.0}
CHANNELS = {"radio": (0.2, 0.9), "search": (0.05, 0.4), "tv": (0.6, 0.7)}  # decay, half of the greatest exposure
CONTROLS = ["holiday", "price"]

generator = numpy.random.Generator(numpy.random.PCG64(11))
shape = (len(GEOS), PERIODS)
people = numpy.array(list(GEOS.values()))[:, None]
exposure = {c: generator.gamma(1.5, 40, shape) * (generator.random(shape) < 0.8) * people for c in CHANNELS}
control = {"holiday": (generator.random(shape) < 0.1) * 1.0, "price": -9 + generator.normal(0, 1, shape)}
time = numpy.arange(PERIODS)


def transformed(name):
    """Normalised geometric adstock of the exposure per head, then Hill's curve of slope 1."""
    decay, half = CHANNELS[name]
    x = exposure[name] / people
    x = x / x[:, :TRAIN].max()
    weights = decay ** numpy.arange(LAG + 1)
    weights /= weights.sum()
    stock = sum(w * numpy.pad(x, ((0, 0), (lag, 0)))[:, :PERIODS] for lag, w in enumerate(weights))
    return stock / (stock + half)


media = {c: transformed(c) for c in CHANNELS}
media["tv*search"] = media["tv"] * media["search"]
kpi = people * (200 + 30 * numpy.sin(2 * math.pi * time / SEASON) + 0.3 * time + 15 * control["holiday"] + 4 * control["price"]
                + 90 * media["tv"] + 60 * media["search"] - 25 * media["radio"] + 40 * media["tv*search"]
                + generator.normal(0, 5, shape))
kpi[1, 20] = numpy.nan

# The same panel to the server
cursor.execute("CREATE TEMP TABLE panel (geo text, period date, kpi float8, media jsonb, controls jsonb, population float8)")
cursor.executemany("INSERT INTO panel VALUES (%s, date '2024-01-01' + %s, %s, %s, %s, %s)", [
    (geo, 7 * t, None if math.isnan(kpi[g, t]) else float(kpi[g, t]),
     json.dumps({c: {"spend": 3.0, "exposure": float(exposure[c][g, t])} for c in CHANNELS}),
     json.dumps({k: float(control[k][g, t]) for k in CONTROLS}), size)
    for g, (geo, size) in enumerate(GEOS.items()) for t in range(PERIODS)])
cursor.execute("CREATE TEMP TABLE datasets AS SELECT mmm_dataset_agg(geo, period, kpi, media, controls, population) AS d FROM panel")
priors = json.dumps({c: {"decay": {"dist": "uniform", "lower": decay, "upper": decay},
                         "half_saturation": {"dist": "uniform", "lower": half, "upper": half}}
                     for c, (decay, half) in CHANNELS.items()})


def design():
    """Columns by component, in scaled units, and whether they are penalised like media."""
    one = numpy.ones(shape)
    yield from ((c, media[c], True) for c in media)
    yield from (("intercept", one * (numpy.arange(len(GEOS)) == g)[:, None], False) for g in range(len(GEOS)))
    yield "trend", one * time / (TRAIN - 1), False
    for order in (1, 2):
        yield "seasonality", one * numpy.sin(2 * math.pi * order * time / SEASON), True
        yield "seasonality", one * numpy.cos(2 * math.pi * order * time / SEASON), True
    yield from ((k, control[k] / abs(control[k][:, :TRAIN]).max(), True) for k in CONTROLS)


names, columns, penalised = zip(*design())
unit = numpy.nanmax(abs(kpi[:, :TRAIN] / people))
seen = ~numpy.isnan(kpi) & (time < TRAIN)
X = numpy.stack([column[seen] for column in columns], axis=1)
y = (kpi / people / unit)[seen]


def solve(penalty):
    """The minimum over coefficients, channels not negative: the best of all sets of channels held at zero."""
    ridge = len(y) * numpy.where(penalised, penalty, 1e-9)
    best = None
    for zero in itertools.chain.from_iterable(itertools.combinations(range(len(CHANNELS)), k) for k in range(len(CHANNELS) + 1)):
        kept = [j for j in range(len(names)) if j not in zero]
        A = numpy.vstack([X[:, kept], numpy.diag(numpy.sqrt(ridge[kept]))])
        b = numpy.zeros(len(names))
        b[kept] = numpy.linalg.lstsq(A, numpy.concatenate([y, numpy.zeros(len(kept))]), rcond=None)[0]
        objective = ((y - X @ b) ** 2).sum() + (ridge * b * b).sum()
        if b[:len(CHANNELS)].min() >= 0 and (best is None or objective < best[0]):
            best = objective, b
    return ridge, best[1]


def off(actual, expected):
    return float(numpy.max(numpy.abs(actual - expected)) / max(1, numpy.max(numpy.abs(expected))))


for penalty in (1e-8, 1e-4, 1e-2, 1.0):
    ridge, expected = solve(penalty)
    cursor.execute("CREATE TEMP TABLE model AS SELECT mmm_fit(d, 'ridge', max_lag => %s, season_length => %s, interactions => '{tv*search}', "
                   "priors => %s, holdout_periods => %s, extra => %s) AS m FROM datasets",
                   (LAG, SEASON, priors, PERIODS - TRAIN, json.dumps({"penalty": penalty, "replicates": 0, "folds": 0, "candidates": 5})))
    text = rows("SELECT m::text::jsonb FROM model")[0][0]
    found = numpy.array(text["parameters"][2 * len(CHANNELS):])
    ok(off(found, expected) < 1e-9, "penalty %g: coefficients agree (off by %.1e)" % (penalty, off(found, expected)))

    # Karush, Kuhn and Tucker, by the gradient of the whole problem
    gradient = X.T @ (X @ found - y) + ridge * found
    scale = abs(X.T @ y).max()
    bound = (numpy.arange(len(names)) < len(CHANNELS)) & (found == 0)
    worst = max(abs(gradient[~bound]).max(), (-gradient[bound]).max(initial=0), -found[:len(CHANNELS)].min()) / scale
    ok(worst < 1e-12, "penalty %g: KKT residual %.1e, %d channels at zero" % (penalty, worst, bound.sum()))
    ok(found[0] == 0, "penalty %g: the channel that hurts is given no effect" % penalty)

    # What it says, in the user's units, holdout and missing kpi included
    parts = {c: numpy.zeros(shape) for c in names}
    for name, column, b in zip(names, columns, expected):
        parts[name] += people * unit * b * column
    said = {c: numpy.full(shape, numpy.nan) for c in names}
    for component, geo, t, contribution in rows("SELECT component, geo, (period - date '2024-01-01') / 7, contribution FROM model, mmm_contributions(m)"):
        said[component][list(GEOS).index(geo), t] = contribution
    worst = max(off(said[c], parts[c]) for c in parts)
    ok(worst < 1e-9, "penalty %g: contributions of %d components agree (off by %.1e)" % (penalty, len(parts), worst))
    predicted = numpy.full(shape, numpy.nan)
    for geo, t, value in rows("SELECT geo, (period - date '2024-01-01') / 7, predicted FROM model, datasets, mmm_predict(m, d)"):
        predicted[list(GEOS).index(geo), t] = value
    worst = off(sum(said.values()), predicted)
    ok(worst < 1e-9, "penalty %g: contributions sum to the prediction (off by %.1e)" % (penalty, worst))
    worst = off(sum(parts.values()), predicted)
    ok(worst < 1e-9, "penalty %g: predictions agree (off by %.1e)" % (penalty, worst))
    metrics = dict(rows("SELECT metric, value FROM model, mmm_diagnostics(m) WHERE component IS NULL"))
    for prefix, where in (("", seen), ("holdout_", ~numpy.isnan(kpi) & (time >= TRAIN))):
        error = kpi[where] - sum(parts.values())[where]
        rmse = math.sqrt((error ** 2).mean())
        own = {"rmse": rmse, "mae": abs(error).mean(), "mape": abs(error / kpi[where]).mean(),
               "wmape": abs(error).sum() / kpi[where].sum(), "nrmse": rmse / numpy.ptp(kpi[where]),
               "r2": 1 - (error ** 2).sum() / ((kpi[where] - kpi[where].mean()) ** 2).sum()}
        worst = max(abs(metrics[prefix + k] - v) / max(1, abs(v)) for k, v in own.items())
        ok(worst < 1e-9, "penalty %g: %serrors agree (off by %.1e)" % (penalty, prefix, worst))
    cursor.execute("DROP TABLE model")

done()
