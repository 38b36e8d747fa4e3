"""
What the tests of media mix models share: the connection, TAP, and the field's data as datasets.

Connection: PGHOST, PGUSER, PGDATABASE, ... (libpq).
"""
import csv
import json
import os

import psycopg2

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "..", "demo", "data")
count = 0
failed = 0


def ok(condition, name, detail=""):
    global count, failed
    count += 1
    failed += not condition
    print("%sok %d - %s" % ("" if condition else "not ", count, name), flush=True)
    if not condition and detail:
        print("# %s" % detail)


def done():
    print("1..%d" % count)
    raise SystemExit(failed > 0)


connection = psycopg2.connect("")
connection.autocommit = True
cursor = connection.cursor()
cursor.execute("CREATE EXTENSION IF NOT EXISTS attrib; SET search_path = attrib, public; SET DateStyle = 'ISO, MDY'")


def rows(sql, *arguments):
    cursor.execute(sql, arguments)
    return cursor.fetchall()


def load(name, file, period, kpi, media, controls):
    """media: {name: column or (spend column, exposure column)}; controls: {name: function of the row}"""
    values = []
    with open(os.path.join(DATA, file), newline="") as handle:
        for row in csv.DictReader(handle):
            spent = {c: float(row[s]) if isinstance(s, str) else {"spend": float(row[s[0]]), "exposure": float(row[s[1]])}
                     for c, s in media.items()}
            values.append((row[period], float(row[kpi]), json.dumps(spent),
                           json.dumps({c: f(row) for c, f in controls.items()})))
    cursor.execute("CREATE TEMP TABLE %s (period date, kpi float8, media jsonb, controls jsonb)" % name)
    cursor.executemany("INSERT INTO %s VALUES (%%s, %%s, %%s, %%s)" % name, values)
    cursor.execute("INSERT INTO datasets SELECT %%s, mmm_dataset_agg(period, kpi, media, controls) FROM %s" % name, (name,))


def load_field_data():
    """The table datasets, with those of known truth; their rows are in the tables example and roas."""
    cursor.execute("CREATE TEMP TABLE datasets (name text PRIMARY KEY, d mmm_dataset)")
    load("example", "mmm_example.csv", "date_week", "y", {"x1": "x1", "x2": "x2"},
         {"event_1": lambda r: float(r["event_1"]), "event_2": lambda r: float(r["event_2"])})
    load("roas", "mmm_roas_data.csv", "date", "y", {"x1": "x1", "x2": "x2"}, {"z": lambda r: float(r["z"])})
