#!/usr/bin/python3
"""
mmm_fit with method bayes on the field's data: what its chains are worth, that its intervals hold published truth,
what lift tests do, that parallel chains have the digits of serial ones, and that a cancel takes effect.
"""
import csv
import io
import json
import math
import os
import random
import threading
import time

import numpy
import psycopg2

from common import DATA, connection, cursor, done, load_field_data, ok, rows

load_field_data()
cursor.execute("CREATE TEMP TABLE models (name text PRIMARY KEY, m mmm_model)")
cursor.execute("INSERT INTO datasets SELECT 'confounded', mmm_dataset_agg(period, kpi, media) FROM roas")


def fit(model, dataset, arguments):
    del connection.notices[:]
    began = time.time()
    cursor.execute("INSERT INTO models SELECT %%s, mmm_fit(d, %s) FROM datasets WHERE name = %%s" % arguments, (model, dataset))
    return time.time() - began, [n.strip() for n in connection.notices]


def roas(model, level=0.9):
    return {c: (low, mean, high) for c, low, mean, high in
            rows("SELECT channel, roas_low, roas, roas_high FROM models, mmm_roas(m, level => %s) WHERE name = %s", level, model)}


def covers(model, truth):
    found = roas(model)
    return all(found[c][0] < t < found[c][2] for c, t in truth.items()), str(found)


# The field's example: sound chains, and the truth within 90% intervals
took, notices = fit("example", "example", "saturation => 'logistic', max_lag => 7")
worst = rows("SELECT max(rhat), min(ess_bulk), min(ess_tail) FROM models, mmm_parameters(m) WHERE name = 'example'")[0]
print("# mmm_example.csv, 4 x (1000 + 1000): %.1f s; R-hat %.4f, ESS bulk %.0f, tail %.0f" % ((took,) + worst))
ok(worst[0] <= 1.01, "R-hat is at most %.4f" % worst[0])
ok(worst[1] >= 400, "bulk ESS is at least %.0f" % worst[1])
ok(rows("SELECT value FROM models, mmm_diagnostics(m) WHERE name = 'example' AND metric = 'divergences'")[0][0] == 0, "no divergences")
ok(not notices, "no warnings", str(notices))
ok(*((lambda held: (held[0], "90% intervals of ROAS cover 4967.8 and 2274.9", held[1]))(covers("example", {"x1": 4967.8, "x2": 2274.9}))))
truth = {("x1", "decay"): 0.4, ("x2", "decay"): 0.2, ("x1", "half_saturation"): math.log(3) / 4, ("x2", "half_saturation"): math.log(3) / 3,
         ("x1", "coefficient"): 3000, ("x2", "coefficient"): 2000, ("event_1", "coefficient"): 1500, ("event_2", "coefficient"): 2500}
far = {k: (truth[k] - mean) / sd for *k, mean, sd in ((c, p, mean, sd) for c, p, mean, sd in
       rows("SELECT component, parameter, mean, sd FROM models, mmm_parameters(m) WHERE name = 'example'")) for k in [tuple(k)] if k in truth}
ok(max(map(abs, far.values())) < 3, "true parameters within three standard deviations", str(far))
elpd, p_loo, bad = (dict(rows("SELECT metric, value FROM models, mmm_diagnostics(m) WHERE name = 'example'"))[k]
                    for k in ("elpd_loo", "p_loo", "pareto_k_bad"))
fit("none", "example", "saturation => 'linear', adstock => 'none'")
worse = rows("SELECT value FROM models, mmm_diagnostics(m) WHERE name = 'none' AND metric = 'elpd_loo'")[0][0]
ok(elpd > worse + 20, "PSIS-LOO prefers the true form: elpd %.1f (p %.1f, %d bad) against %.1f" % (elpd, p_loo, bad, worse))
took, notices = fit("robust", "example", "saturation => 'logistic', max_lag => 7, extra => '{\"likelihood\": \"student_t\"}'")
print("# the same with Student's t, its base sampled: %.1f s, %s" % (took, notices))
ok(*((lambda held: (held[0], "Student's t covers the truth, too", held[1]))(covers("robust", {"x1": 4967.8, "x2": 2274.9}))))
ok(rows("SELECT max(rhat) FROM models, mmm_parameters(m) WHERE name = 'robust'")[0][0] <= 1.01, "and its chains agree")
for report in ("mmm_parameters(m)", "mmm_roas(m)", "mmm_contributions(m)", "mmm_response_curves(m)", "mmm_diagnostics(m)", "mmm_draws(m)",
               "mmm_predict(m, (SELECT d FROM datasets WHERE name = 'example'))"):
    began = time.time()
    number = rows("SELECT count(*) FROM models, %s WHERE name = 'example'" % report)[0][0]
    print("# %s: %d rows in %.0f ms" % (report.split("(")[0], number, 1000 * (time.time() - began)))

# A confounder: seen, not seen, and not seen but tested
ROAS = {"x1": 93.388, "x2": 171.409}
AS_MADE = "saturation => 'logistic', max_lag => 3"
fit("seen", "roas", AS_MADE)
ok(*((lambda held: (held[0], "with the confounder 90% intervals cover 93.39 and 171.41", held[1]))(covers("seen", ROAS))))
fit("unseen", "confounded", AS_MADE)
before = roas("unseen")["x1"]
ok(before[0] > ROAS["x1"], "without it x1 gets too much credit: %.0f to %.0f" % (before[0], before[2]))
with open(os.path.join(DATA, "mmm_roas_data.csv"), newline="") as handle:
    table = list(csv.DictReader(handle))
x1 = numpy.array([float(row["x1"]) for row in table])


def true_effect(x):
    weights = 0.3 ** numpy.arange(4)
    return 200 * numpy.tanh(numpy.convolve(x, weights / weights.sum())[:len(x)] / 2)


ok(abs(true_effect(x1) - [100 * float(row["x1_effect"]) for row in table]).max() < 1e-9, "the truth, computed again")


def weeks_off(begin, end):
    """What a test would have measured had x1 gone off air, and measured with an error of 4%."""
    off = x1.copy()
    off[begin:end] = 0
    lift = (true_effect(off) - true_effect(x1))[begin:end].sum()
    return {"channel": "x1", "from": table[begin]["date"], "to": table[end - 1]["date"], "spend_change": -x1[begin:end].sum(),
            "lift": lift, "standard_error": 0.04 * -lift}


tests = [weeks_off(30, 42), weeks_off(60, 72), weeks_off(100, 112)]
for extra in ("normal", "student_t"):
    name = "tested " + extra
    fit(name, "confounded", AS_MADE + ", lift_tests => '%s', extra => '{\"lift_likelihood\": \"%s\"}'" % (json.dumps(tests), extra))
    after = roas(name)["x1"]
    print("# ROAS of x1, truth 93.4: without the confounder %.0f to %.0f; with three tests of 12 weeks off air (%s) %.0f to %.0f" % (before[0], before[2], extra, after[0], after[2]))
    ok(after[0] < ROAS["x1"] < after[2] if extra == "normal" else after[1] < before[1], "lift tests (%s) pull x1 back: %.0f" % (extra, after[1]))

# Priors alone: moments of all parameters
fit("prior", "example", "saturation => 'logistic', draws => 2000, extra => '{\"prior_only\": true}'")
for component, parameter, mean, sd, prior_mean, prior_sd, ess in rows(
        "SELECT component, parameter, mean, sd, prior_mean, prior_sd, ess_bulk FROM models, mmm_parameters(m) WHERE name = 'prior'"):
    ok(abs(mean - prior_mean) < 4.5 * prior_sd / math.sqrt(ess) and abs(sd / prior_sd - 1) < 0.15,
       "prior only: %s %s" % (component, parameter), "%g +- %g, not %g +- %g" % (mean, sd, prior_mean, prior_sd))

# The same digits however the chains are run
FAST = "saturation => 'logistic', max_lag => 7, warmup => 300, draws => 100"
for name, workers in (("serial", 0), ("two", 1), ("four", 3)):
    fit(name, "example", FAST + ", extra => '{\"workers\": %d}'" % workers)
cursor.execute("SET max_parallel_workers = 0")
fit("no workers", "example", FAST)
cursor.execute("RESET max_parallel_workers")
cursor.execute("INSERT INTO models SELECT 'subtransaction', NULL; "
               "DO $$ BEGIN BEGIN UPDATE models SET m = (SELECT mmm_fit(d, %s) FROM datasets WHERE name = 'example') WHERE name = 'subtransaction'; "
               "EXCEPTION WHEN division_by_zero THEN NULL; END; END $$" % FAST)
ok(rows("SELECT count(DISTINCT mmm_model_send(m)) FROM models WHERE name IN ('serial', 'two', 'four', 'no workers', 'subtransaction')")[0][0] == 1,
   "serial and parallel chains have the same digits")
cursor.execute("CREATE TABLE shared_datasets AS SELECT name, mmm_dataset_send(d) AS bytes, d FROM datasets, generate_series(1, 100)")
cursor.execute("SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0")
below = rows("SELECT md5(mmm_model_send(mmm_fit(d, %s))) FROM shared_datasets WHERE name = 'example' LIMIT 1" % FAST)[0][0]
ok(below == rows("SELECT md5(mmm_model_send(m)) FROM models WHERE name = 'serial'")[0][0], "below a Gather, too")
cursor.execute("DROP TABLE shared_datasets; RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size")

# A cancel takes effect at once, in workers too, and leaves nothing behind
for workers in (0, 3):
    late = []
    timer = threading.Timer(1.0, lambda: (late.append(time.time()), connection.cancel()))
    timer.start()
    try:
        fit("cancelled", "example", "max_lag => 7, draws => 100000, extra => '{\"workers\": %d}'" % workers)
        ok(False, "cancelled")
    except psycopg2.Error as error:
        took = time.time() - late[0]
        ok(error.pgcode == "57014" and took < 0.5, "a cancel with %d workers took %.0f ms" % (workers, 1000 * took))
time.sleep(0.2)
ok(rows("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'")[0][0] == 0, "no worker is left")
cursor.execute("DO $$ BEGIN BEGIN PERFORM mmm_fit(d, priors => '{\"x1\": {\"coefficient\": {\"dist\": \"lognormal\", \"mu\": 200, \"sigma\": 0.01}}}') "
               "FROM datasets WHERE name = 'example'; EXCEPTION WHEN invalid_parameter_value THEN NULL; END; END $$")
ok(rows("SELECT 1")[0][0] == 1, "a chain that fails in a worker is an error like any other")

# Weak data: an answer that says so
cursor.execute("INSERT INTO datasets SELECT 'weak', mmm_dataset_agg(date '2024-01-01' + 7 * t, 100 + 10 * sin(t * t), jsonb_build_object('tv', 5, 'radio', 0)) "
               "FROM generate_series(0, 9) AS t")
fit("weak", "weak", "draws => 500")
ok(rows("SELECT bool_and(NOT ok) FROM models, mmm_diagnostics(m) WHERE name = 'weak' AND metric = 'contraction' AND component IN ('radio decay', 'radio coefficient')")[0][0],
   "parameters of a channel that never varied are told to be their priors")
ok(rows("SELECT bool_and(mean IS NOT NULL AND mean <> 'NaN' AND sd > 0) FROM models, mmm_parameters(m) WHERE name = 'weak'")[0][0], "and no NaN")

# Bytes and text, whole and damaged
cursor.execute("CREATE TEMP TABLE back (m mmm_model)")
stream = io.BytesIO()
cursor.copy_expert("COPY (SELECT m FROM models WHERE name = 'weak') TO STDOUT (FORMAT binary)", stream)
cursor.copy_expert("COPY back FROM STDIN (FORMAT binary)", io.BytesIO(stream.getvalue()))
ok(rows("SELECT mmm_model_send(b.m) = mmm_model_send(o.m) AND mmm_model_send(o.m::text::mmm_model) = mmm_model_send(o.m) "
        "FROM back AS b, models AS o WHERE o.name = 'weak'")[0][0], "bytes and text give the same model back")
text = rows("SELECT m::text FROM models WHERE name = 'weak'")[0][0]
generator = random.Random(7)
states = set()
for trial in range(300):
    try:
        if trial % 2:
            damaged = bytearray(stream.getvalue())
            for _ in range(generator.choice([1, 1, 3])):
                damaged[generator.randrange(19, min(len(damaged), generator.choice([250, 3000, len(damaged)])))] = generator.randrange(256)
            cursor.execute("TRUNCATE back")
            cursor.copy_expert("COPY back FROM STDIN (FORMAT binary)", io.BytesIO(bytes(damaged)))
        else:
            at = generator.randrange(len(text) if trial % 4 else 3000)
            cursor.execute("TRUNCATE back; INSERT INTO back VALUES (%s)", (text[:at] + generator.choice(["9", "-", "null", "", "e9", "["]) + text[at + 1:],))
        cursor.execute("SELECT count(*) FROM back, mmm_roas(m), mmm_diagnostics(m), mmm_parameters(m)")
    except psycopg2.Error as error:
        states.add(error.pgcode)
ok(not states & {"XX000", "XX001", None}, "damaged ones end in named errors: %s" % sorted(states))
done()
