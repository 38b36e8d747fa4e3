#!/usr/bin/python3
"""
mmm_fit on the field's data: what it reaches against published truth, that its numbers agree with one another,
that the same call gives the same digits, and that it survives bad bytes.

What it reaches, relative to the truth (ridge, 2 Fourier terms):
    mmm_example, logistic, max_lag 7:   x1  +2%, x2  +4%
    mmm_roas_data, logistic, max_lag 3: x1  +5%, x2 +13%
Printed for other choices: a hill curve of slope 1 is not the logistic curve the data were made with, and a free
slope has more freedom than 179 weeks can settle.
"""
import io
import random
import time

import psycopg2

from common import cursor, done, load, load_field_data, ok, rows

load_field_data()
load("weekly", "dt_simulated_weekly.csv", "DATE", "revenue",
     {"tv": "tv_S", "ooh": "ooh_S", "print": "print_S", "facebook": ("facebook_S", "facebook_I"),
      "search": ("search_S", "search_clicks_P")},
     {"competitor": lambda r: float(r["competitor_sales_B"]), "newsletter": lambda r: float(r["newsletter"]),
      "event1": lambda r: float(r["events"] == "event1"), "event2": lambda r: float(r["events"] == "event2")})


def fit(name, arguments):
    return "(SELECT mmm_fit(d, method => 'ridge', %s) FROM datasets WHERE name = '%s')" % (arguments, name)


def off(name, arguments, column, truth):
    found = dict(rows("SELECT channel, %s FROM mmm_roas(%s)" % (column, fit(name, arguments))))
    return {c: found[c] / t - 1 for c, t in truth.items()}


TOTALS = {"x1": 274848, "x2": 65906}
ROAS = {"x1": 93.388, "x2": 171.409}
found = off("example", "saturation => 'logistic', max_lag => 7", "contribution", TOTALS)
ok(max(map(abs, found.values())) < 0.15, "mmm_example: contributions within 15%% of the truth: %s" % found)
r2 = rows("SELECT value FROM mmm_diagnostics(%s) WHERE metric = 'r2'" % fit("example", "saturation => 'logistic', max_lag => 7"))
ok(r2[0][0] >= 0.94, "mmm_example: R2 %.4f" % r2[0][0])
found = off("roas", "saturation => 'logistic', max_lag => 3", "roas", ROAS)
ok(max(map(abs, found.values())) < 0.15, "mmm_roas_data: ROAS within 15%% of the truth: %s" % found)
for choice in ("saturation => 'logistic'", "max_lag => 7", "max_lag => 7, free_slope => true", ""):
    arguments = choice or "max_lag => 8"
    for name, column, truth in (("example", "contribution", TOTALS), ("roas", "roas", ROAS)):
        found = off(name, arguments, column, truth)
        print("# %s with %s: %s" % (name, choice or "defaults", {c: "%+.0f%%" % (100 * v) for c, v in found.items()}))

# Numbers agree, in every dataset and by every road
cursor.execute("CREATE TEMP TABLE models (name text PRIMARY KEY, m mmm_model)")
began = time.time()
cursor.execute("INSERT INTO models SELECT name, mmm_fit(d, 'ridge', holdout_periods => 10) FROM datasets")
print("# three fits with validation and 200 bootstrap replicates each: %.1f s" % (time.time() - began))
for name, worst in rows("SELECT name, max(abs(p.predicted - c.total) / greatest(1, abs(p.predicted))) FROM models JOIN datasets USING (name), "
                        "LATERAL mmm_predict(m, d) AS p JOIN LATERAL (SELECT period, sum(contribution) AS total "
                        "FROM mmm_contributions(m) GROUP BY period) AS c USING (period) GROUP BY name"):
    ok(worst < 1e-9, "%s: contributions sum to the prediction (off by %.1e)" % (name, worst))
for name, channel, a, b, c in rows(
        "SELECT name, r.channel, r.contribution, v.response, c.total FROM models, LATERAL mmm_roas(m) AS r "
        "JOIN LATERAL mmm_response_curves(m) AS v ON v.channel = r.channel AND v.multiplier = 1 JOIN LATERAL "
        "(SELECT component, sum(contribution) AS total FROM mmm_contributions(m) GROUP BY component) AS c ON c.component = r.channel"):
    ok(max(abs(a - b), abs(a - c)) <= 1e-9 * max(1, abs(a)), "%s, %s: roas, curve and contributions are one number" % (name, channel))
cursor.execute("CREATE TEMP TABLE again AS SELECT name, mmm_fit(d, 'ridge', holdout_periods => 10) AS m FROM datasets")
ok(rows("SELECT bool_and(mmm_model_send(a.m) = mmm_model_send(b.m)) FROM models AS a JOIN again AS b USING (name)")[0][0],
   "the same digits twice")
ok(rows("SELECT bool_and(mmm_model_send(m::text::mmm_model) = mmm_model_send(m)) FROM models")[0][0], "text gives the same bytes")

# Binary copy, whole and damaged
stream = io.BytesIO()
cursor.copy_expert("COPY (SELECT m, d FROM models JOIN datasets USING (name)) TO STDOUT (FORMAT binary)", stream)
cursor.execute("CREATE TEMP TABLE back (m mmm_model, d mmm_dataset)")
cursor.copy_expert("COPY back FROM STDIN (FORMAT binary)", io.BytesIO(stream.getvalue()))
ok(rows("SELECT count(*) FROM back JOIN models ON mmm_model_send(back.m) = mmm_model_send(models.m)")[0][0] == 3,
   "binary copies are the same")
generator = random.Random(5)
states = set()
for trial in range(400):
    damaged = bytearray(stream.getvalue())
    for _ in range(generator.choice([1, 1, 3])):
        damaged[generator.randrange(19, min(len(damaged), generator.choice([200, 3000, len(damaged)])))] = generator.randrange(256)
    try:
        cursor.execute("TRUNCATE back")
        cursor.copy_expert("COPY back FROM STDIN (FORMAT binary)", io.BytesIO(bytes(damaged)))
        cursor.execute("SELECT count(*) FROM back, mmm_roas(m), mmm_diagnostics(m)")
    except psycopg2.Error as error:
        states.add(error.pgcode)
ok(not states & {"XX000", "XX001", None}, "damaged bytes end in named errors: %s" % sorted(states))

# Ten thousand candidates: seconds
began = time.time()
front = rows("SELECT DISTINCT candidate, nrmse, rssd FROM datasets, mmm_candidates(d, 'ridge', extra => '{\"candidates\": 10000}') "
             "WHERE name = 'weekly' ORDER BY candidate")
took = time.time() - began
print("# 10 000 candidates of 5 media over 208 weeks: %.2f s" % took)
ok(len(front) > 20 and all(a[1] < b[1] and a[2] > b[2] for a, b in zip(front, front[1:])), "a front of %d candidates" % len(front))
ok(took < 30, "in seconds")
ok(rows("SELECT min(contribution_share), max(contribution_share) FROM datasets, mmm_candidates(d, 'ridge') WHERE name = 'weekly'")[0][0] >= 0,
   "shares of no candidate are negative")

# Every answer of the front that fits as well lies within the range that the diagnostics report
for name in ("example", "roas", "weekly"):
    reported = {c: (low, high) for c, low, high in rows(
        "SELECT component, min(value), max(value) FROM models, mmm_diagnostics(m) WHERE name = %s AND metric IN "
        "('contribution_share_low', 'contribution_share_high') GROUP BY component", name)}
    equal = rows("SELECT channel, min(contribution_share), max(contribution_share) FROM (SELECT c.*, max(r2) OVER () AS best, "
                 "min(nrmse) OVER () AS least FROM datasets, mmm_candidates(d, 'ridge', holdout_periods => 10) AS c WHERE name = %s) AS c "
                 "WHERE r2 >= best - 0.01 AND nrmse <= 1.05 * least GROUP BY channel", name)
    ok(all(reported[c][0] <= low + 0.005 and high - 0.005 <= reported[c][1] for c, low, high in equal),
       "%s: equally good candidates are within the reported ranges" % name, "%s, not %s" % (equal, reported))
    print("# %s: %s" % (name, {c: "%.2f to %.2f" % r for c, r in sorted(reported.items())}))
done()
