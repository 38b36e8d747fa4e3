#!/usr/bin/env python3
"""
What docs/evidence.md claims, on a small scale: intervals hold the true value about as often as they say, tests
without a difference seldom find one, and models stand to a known truth as the page reports. `make bench` runs the
same functions on larger samples.
"""
import importlib.machinery
import importlib.util
import os
import sys

BENCH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench", "evidence")
SIMULATIONS = 120
USERS = 100000

run = failed = 0


def load():
    loader = importlib.machinery.SourceFileLoader("evidence", BENCH)
    spec = importlib.util.spec_from_loader("evidence", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    module.USERS = USERS
    return module


def ok(condition, name):
    global run, failed
    run += 1
    failed += not condition
    print("%sok %d - %s" % ("" if condition else "not ", run, name), flush=True)


def main():
    evidence = load()
    server = evidence.Server()

    # Five channels of one sample are correlated: three standard errors are about three points.
    for model, options in (("linear", "{}"), ("markov", "{}"), ("shapley", '{"game": "rate", "method": "bca"}')):
        held = evidence.coverage(server, model, options, 2000, SIMULATIONS, 300)
        ok(0.91 <= held <= 0.985, "95%% intervals of %s %s hold the truth (%.1f%%)" % (model, options, 100 * held))
    # Revenue has a long tail: a few large orders dominate the value of a channel with a dozen.
    truth = evidence.large_log(server, ("linear", "last_touch"))
    for model in truth:
        held = evidence.small_log_coverage(server, model, "bca", truth, SIMULATIONS // 2, replicates=400)
        for name, part in zip(("conversions", "value", "shares"), held):
            ok(0.92 <= part <= 0.985, "95%% intervals of %s on small logs, %s (%.1f%%)" % (name, model, 100 * part))
    # Of 5 correlated channels in 400 pairs the standard error is about 0.8 points.
    for model in ("linear", "markov"):
        raw, adjusted = evidence.false_alarms(server, model, 2000, 400, replicates=300)
        ok(0.025 <= raw <= 0.075, "p < 0.05 without a difference, %s (%.1f%%)" % (model, 100 * raw))
        ok(adjusted <= 0.085, "any adjusted p < 0.05 without a difference, %s (%.1f%%)" % (model, 100 * adjusted))

    # Named beforehand: Markov at the order that cross-validation chooses, against last touch. The aim is 30% in both; in
    # synergy no order reaches it, were the log endless (docs/evidence.md says why).
    evidence.REGIMES = ("free_riding", "synergy", "realistic")
    evidence.build(server)
    for regime, most in (("free_riding", 0.7), ("synergy", 0.75)):
        chosen = evidence.chosen_order(server, regime)
        error = evidence.errors(server, regime, (chosen,))
        ratio = error["markov %d" % chosen][0] / error["last_touch"][0]
        ok(ratio <= most, "%s: Markov of order %d errs %.0f%% less than last touch (aim 30%%, here at least %.0f%%)" %
           (regime, chosen, 100 * (1 - ratio), 100 * (1 - most)))
    limit = evidence.population_errors(server, {"regime": "synergy"}, USERS)
    for order in evidence.ORDERS:
        ratio = limit["markov %d" % order] / limit["last_touch"]
        ok(0.69 <= ratio <= 0.745, "synergy, in the limit: order %d errs %.1f%% less" % (order, 100 * (1 - ratio)))
    for regime in ("free_riding", "realistic"):
        accuracy, best = evidence.accuracies(server, regime)
        top = evidence.ceiling(server, regime)
        reached = (accuracy["logistic", None][0] - 0.5) / (top - 0.5)
        ok(reached >= 0.9, "%s: prediction reaches %.3f of the ceiling" % (regime, reached))
        reached = (accuracy["markov", best][0] - 0.5) / (top - 0.5)
        ok(reached >= 0.9, "%s: and chains of order %d %.3f" % (regime, best, reached))
        ok(accuracy["logistic", None][1] >= accuracy["logistic", None][2] - 0.001,
           "%s: and is no less accurate than saying no to everyone" % regime)
    print("1..%d" % run)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
