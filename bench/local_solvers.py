"""Solves the budgets given as JSON on standard input with SciPy: [[(seconds, response) of SLSQP, trust-constr], ...]."""
import json
import sys
import time
import warnings

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, minimize

warnings.simplefilter("ignore")


def solve(problem, method):
    c, h, s = (np.array([curve[key] for curve in problem["curves"]]) for key in ("coefficient", "half", "slope"))
    total, n = problem["total"], len(c)

    def response(share):  # spends as shares of the total, as a careful user would scale them
        w = (np.maximum(share, 0) * total / h) ** s
        return np.sum(c * w / (1 + w)) / np.sum(c)

    def gradient(share):
        x = np.maximum(share, 1e-12) * total
        w = (x / h) ** s
        return c * s * w / x / (1 + w) ** 2 * total / np.sum(c)

    limit = LinearConstraint(np.ones((1, n)), -np.inf, 1)
    if method == "SLSQP":
        limit = {"type": "ineq", "fun": lambda x: 1 - np.sum(x), "jac": lambda x: -np.ones(n)}
    start = time.perf_counter()
    found = minimize(lambda x: -response(x), np.full(n, 1 / n), jac=lambda x: -gradient(x), method=method,
                     bounds=Bounds(np.zeros(n), np.ones(n)), constraints=[limit],
                     options={"maxiter": 1000})
    seconds = time.perf_counter() - start
    share = np.clip(found.x, 0, 1)
    share /= max(1, share.sum())
    return seconds, float(response(share) * np.sum(c))


json.dump([[solve(problem, method) for method in ("SLSQP", "trust-constr")] for problem in json.load(sys.stdin)], sys.stdout)
