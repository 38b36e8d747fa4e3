"""
A panel of geos whose truth is known, for tests and benchmarks of media mix models by geo.

Per head of population, with KPI and exposure of order 1:
    kpi[g][t] = intercept[g] + 0.3 t/T + 0.2 sin(2 pi t/season) + 0.1 cos(2 pi t/season) + sum_c beta[g][c] s_c[g][t] + noise
    s = x/(x + half) of geometric adstock (normalised, max_lag 8),  beta[g][c] = beta[c] exp(spread z[g][c])
"""
import math
import random

SEASON = 365.2425 / 7
MAX_LAG = 8


def adstock(series, decay):
    weights = [decay ** lag for lag in range(MAX_LAG + 1)]
    total = sum(weights)
    return [sum(w * series[t - lag] for lag, w in enumerate(weights) if t >= lag) / total for t in range(len(series))]


class Panel:
    """rows: (geo, week, kpi, {channel: spend}, population); truth: what they were made with."""

    def __init__(self, geos, weeks, channels, seed=1, spread=0.3, noise=0.1, per_capita=True):
        rng = random.Random(seed)
        self.weeks = weeks
        self.geos = ["g%02d" % g for g in range(geos)]
        self.channels = ["c%d" % c for c in range(channels)]
        self.spread = spread
        self.noise = noise
        self.decay = [0.2 + 0.5 * rng.random() for _ in self.channels]
        self.half = [0.5 + 0.7 * rng.random() for _ in self.channels]
        self.common = [0.5 + 0.5 * rng.random() for _ in self.channels]
        self.population = {g: math.exp(rng.gauss(0, 0.8)) * 100 if per_capita else 1.0 for g in self.geos}
        self.beta = {}
        self.contribution = {}
        self.spend = {}
        self.rows = []
        for geo in self.geos:
            self._add_geo(geo, rng)

    def _add_geo(self, geo, rng):
        people = self.population[geo]
        level = 2 + 0.4 * rng.gauss(0, 1)
        kpi = [level + 0.3 * t / self.weeks + 0.2 * math.sin(2 * math.pi * t / SEASON) + 0.1 * math.cos(2 * math.pi * t / SEASON)
               + self.noise * rng.gauss(0, 1) for t in range(self.weeks)]
        spend = []
        for c, channel in enumerate(self.channels):
            amount = 0.6 + 0.8 * rng.random()
            x, on = [], True
            for _ in range(self.weeks):
                on = rng.random() < (0.85 if on else 0.25)
                x.append(round(amount * (0.3 + 1.2 * rng.random()) * people, 3) if on else 0.0)
            beta = self.common[c] * math.exp(self.spread * rng.gauss(0, 1))
            effect = [beta * s / (s + self.half[c]) for s in adstock([v / people for v in x], self.decay[c])]
            kpi = [k + e for k, e in zip(kpi, effect)]
            self.beta[geo, channel] = beta
            self.contribution[geo, channel] = people * sum(effect)
            self.spend[geo, channel] = sum(x)
            spend.append(x)
        for t in range(self.weeks):
            self.rows.append((geo, t, round(kpi[t] * people, 4), {n: s[t] for n, s in zip(self.channels, spend)}, people))

    def roas(self, channel, geo=None):
        geos = self.geos if geo is None else [geo]
        return sum(self.contribution[g, channel] for g in geos) / sum(self.spend[g, channel] for g in geos)

    def load(self, cursor, table):
        """Creates the table (geo, week, kpi, media, population)."""
        import io
        import json
        text = io.StringIO("".join("%s\t%d\t%r\t%s\t%r\n" % (g, t, k, json.dumps(m), p) for g, t, k, m, p in self.rows))
        cursor.execute("CREATE TEMP TABLE %s (geo text, t int, kpi float8, media jsonb, population float8)" % table)
        cursor.copy_expert("COPY %s FROM STDIN" % table, text)
        cursor.execute("ALTER TABLE %s ADD week date; UPDATE %s SET week = date '2022-01-03' + 7 * t" % (table, table))
