#!/usr/bin/python3
"""
Adstock and saturation against the golden vectors, and against each other: window, series and direct
convolution on random input.
"""
import json
import math
import os
import random

from common import HERE, cursor, done, ok


def load(name):
    with open(os.path.join(HERE, name)) as file:
        return json.load(file)


def worst(actual, expected):
    """The greatest relative error; where 0 is expected, the greatest."""
    return max(abs(a - e) / (abs(e) or 1) for a, e in zip(actual, expected))


def worst_slope(actual, expected):
    """Finite differences are good to some digits of the largest slopes, not of those near 0."""
    return max(abs(a - e) / max(1, abs(e)) for a, e in zip(actual, expected))


def value(sql, *arguments):
    cursor.execute(sql, arguments)
    return cursor.fetchone()[0]


def adstock_call(vector):
    """The SQL of a vector's window form and of its series form."""
    p = vector["params"]
    kind = vector["kind"]
    normalized = bool(p.get("normalize") or p.get("normalise"))
    n = len(vector["x"])
    if kind == "geometric_infinite":
        return "adstock", [p.get("theta", p.get("lag_weight")), None, normalized]
    if kind.startswith("weibull"):
        shape, scale = p.get("k", p.get("shape")), p.get("lam", p.get("scaleTrans"))
        lag = p.get("windlen", n) - 1
        if "l_max" in p:
            lag = p["l_max"] - (kind == "weibull_pdf")
        return "adstock_weibull", [shape, scale, lag, kind[8:], normalized]
    lag = p.get("max_lag", p.get("l_max", 0) - 1)
    if kind == "delayed":
        return "adstock_delayed", [p["alpha"], p["theta"], lag, normalized]
    return "adstock" if kind == "geometric" else "adstock_binomial", [p["alpha"], lag, normalized]


CASTS = {"adstock": ["float8", "int", "boolean"], "adstock_binomial": ["float8", "int", "boolean"],
         "adstock_delayed": ["float8", "float8", "int", "boolean"],
         "adstock_weibull": ["float8", "float8", "int", "text", "boolean"]}


def series(function, x, arguments):
    casts = ", ".join("%%s::%s" % c for c in CASTS[function])
    return value("SELECT %s_series(%%s::float8[], %s)" % (function, casts), x, *arguments)


def window(function, x, arguments):
    casts = ", ".join("%%s::%s" % c for c in CASTS[function])
    return value("SELECT array_agg(y ORDER BY t) FROM (SELECT t, %s(x, %s) OVER (ORDER BY t) AS y "
                 "FROM unnest(%%s::float8[]) WITH ORDINALITY AS u (x, t)) AS s" % (function, casts), *arguments, x)


# The Before and Overlap modes look ahead: the recipe of docs/media_transforms.md
def modes(vector):
    p, x = vector["params"], vector["x"]
    lag = p["l_max"] - 1
    ahead = lag if p["mode"] == "Before" else lag // 2
    return value("SELECT array_agg(y ORDER BY t) FROM (SELECT t, lead(y, %s) OVER (ORDER BY t) AS y FROM "
                 "(SELECT t, adstock(x, %s, %s, false) OVER (ORDER BY t) AS y FROM unnest(%s::float8[] || "
                 "array_fill(0::float8, ARRAY[%s])) WITH ORDINALITY AS u (x, t)) AS s) AS s WHERE t <= %s",
                 ahead, p["alpha"], lag, x, lag, len(x))


for vector in load("adstock_vectors.json"):
    name = "%s %s, %s" % (vector["kind"], vector["params"], vector["peer"][:30])
    if "mode" in vector["params"]:
        result = modes(vector)
        ok(worst(result, vector["y"]) <= 1e-12, name, "%s, not %s" % (result, vector["y"]))
        continue
    function, arguments = adstock_call(vector)
    s = series(function, vector["x"], arguments)
    w = window(function, vector["x"], arguments)
    ok(worst(s, vector["y"]) <= 1e-12, name, "%s, not %s" % (s, vector["y"]))
    ok(s == w, name + ": window = series")

FORMULAS = {"logistic": "logistic_saturation(x, :lam)", "inverse_scaled_logistic": "inverse_scaled_logistic_saturation(x, :lam)",
            "tanh": "tanh_saturation(x, :b, :c)", "michaelis_menten": "michaelis_menten_saturation(x, :alpha, :lam)",
            "hill": "hill_saturation(x, :kappa, :slope)", "hill_sigmoid": "hill_sigmoid_saturation(x, :sigma, :beta, :lam)",
            "root": "root_saturation(x, :alpha)", "log1p": "log1p_saturation(x)", "linear": "x",
            # b c = x0/atanh(r) and b = gain x0/r make tanh_baselined of tanh
            "tanh_baselined": "tanh_saturation(x, :gain * :x0 / :r, :r / (:gain * atanh(:r)))"}


def formula(kind, parameters):
    text = FORMULAS[kind]
    for key in sorted(parameters, key=len, reverse=True):
        text = text.replace(":" + key, repr(float(parameters[key])) + "::float8")
    return text


for kind, golden in load("saturation_vectors.json").items():
    for case in golden["cases"]:
        call = formula(kind, case["params"])
        gain = case["params"].get("beta", 1) if kind != "hill_sigmoid" else 1
        y = value("SELECT array_agg(%r * %s ORDER BY n) FROM unnest(%%s::float8[]) WITH ORDINALITY AS u (x, n)"
                  % (gain, call), golden["x"])
        ok(worst(y, case["y"]) <= 1e-12, "%s %s" % (kind, case["params"]), "%s, not %s" % (y, case["y"]))
        if kind == "linear":
            continue
        slope = call.replace("_saturation(", "_saturation_derivative(")
        d = value("SELECT array_agg(%r * %s ORDER BY n) FROM unnest(%%s::float8[]) WITH ORDINALITY AS u (x, n)"
                  % (gain, slope), golden["x"])
        pairs = [(a, e) for a, e in zip(d, case["dydx"]) if e is not None]
        ok(worst_slope(*zip(*pairs)) <= 1e-6, "%s %s: slope near the finite difference" % (kind, case["params"]))

generator = random.Random(3)
for trial in range(60):
    n = generator.choice([1, 2, 5, 30, 200])
    x = [generator.choice([0, None, generator.expovariate(0.01), 1e6 * generator.random()]) for _ in range(n)]
    lag = generator.choice([0, 1, 2, 7, 40, 300])
    normalized = generator.random() < 0.5
    a = generator.choice([0, 0.3, 0.97, generator.random()])
    function = generator.choice(sorted(CASTS))
    if function == "adstock":
        weights = [a ** l for l in range(lag + 1)]
        arguments = [a, lag, normalized]
    elif function == "adstock_binomial":
        a = a or 0.2
        weights = [(1 - l / (lag + 1)) ** (1 / a - 1) for l in range(lag + 1)]
        arguments = [a, lag, normalized]
    elif function == "adstock_delayed":
        a, peak = a or 0.2, generator.uniform(0, lag)
        weights = [a ** ((l - peak) ** 2) for l in range(lag + 1)]
        arguments = [a, peak, lag, normalized]
    else:
        shape, scale = generator.uniform(0.3, 4), generator.uniform(1, 8)
        weights = [1.0]
        for l in range(1, lag + 1):
            weights.append(weights[-1] * math.exp(-(l / scale) ** shape))
        arguments = [shape, scale, lag, "cdf", normalized]
    if normalized:
        total = math.fsum(weights)
        weights = [w / total for w in weights]
    direct = [math.fsum(weights[l] * (x[t - l] or 0) for l in range(min(t, lag) + 1)) for t in range(n)]
    s = series(function, x, arguments)
    ok(worst(s, direct) <= 1e-12 and s == window(function, x, arguments),
       "%s of %d periods, %s: window = series = convolution" % (function, n, arguments))

# A burst leaves nothing behind when it leaves the window.
ok(series("adstock", [1e15, 0, 0, 0, 0, 1e-3], [0.9, 3, False])[4:] == [0, 1e-3], "no ghost of a burst stays")

done()
