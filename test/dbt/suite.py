"""The dbt package, run by dbt as its users run it, in the database of PGDATABASE. Prints TAP.

The hand-made businesses of dbt/integration_tests are compared with expected rows by tests of that project. Here a generated one
changes between runs, and what the marts say is compared with a full refresh, with materialized views, and with the extension
called by hand."""

import os
import pathlib
import sys

import psycopg2
import reference
from dbt.cli.main import dbtRunner

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROJECT = REPOSITORY / "dbt" / "integration_tests"
STATE = REPOSITORY / "build" / "dbt" / os.environ["PGDATABASE"]

# A business of 90 days, with a lookback short enough that some days stay as they were.
GENERATED = """{attrib_events: raw.events, attrib_conversions: raw.orders, attrib_spend: raw.spend, attrib_factors: raw.factors,
    attrib_lookback_days: 5, attrib_mmm_period: day, attrib_interval_replicates: 100}"""
# The same asked otherwise: what was built for other models, options or days must not stay.
ASKED_OTHERWISE = GENERATED.replace("}", """, attrib_models: [last_touch, position_based, time_decay, markov], attrib_half_life_days: 3,
    attrib_model_options: {position_based: {first: 0.5, last: 0.3}}, attrib_time_zone: Asia/Tokyo, attrib_reporting_sources: {x: y}}""")
IN_VIEWS = GENERATED.replace("}", ", attrib_materialized_views: true}")

CORE = ["--vars", (PROJECT / "vars_core.yml").read_text()]
SOURCES = ["--vars", (PROJECT / "vars_all_sources.yml").read_text()]

LOAD = """
create schema raw;
create table raw.everything as
select 'e' || row_number() over (order by user_id, at, channel) as event_id, 'd' || user_id as anonymous_id, null::text as user_id,
    at as occurred_at, case when channel like '%search' then 'google' else channel end as source,
    case when channel in ('paid_search', 'branded_search') then 'cpc' when channel in ('facebook', 'tiktok', 'youtube') then 'paid_social'
        when channel = 'organic_search' then 'organic' else channel end as medium,
    channel || '_' || user_id % 2 as campaign, converted, value
from attrib.generate_events(3000);
create table raw.events as
select event_id, anonymous_id, user_id, occurred_at, source, medium, campaign, false as is_touch_of_order
from raw.everything
where not converted and occurred_at < '2025-03-20' and not (event_id like '%7' and occurred_at between '2025-02-10' and '2025-02-12');
create table raw.orders as
select 'o' || event_id as order_id, anonymous_id, null::text as user_id, occurred_at as ordered_at, round(value::numeric, 2) as revenue,
    case when event_id like '%1' then 'app' else 'web' end as segment
from raw.everything
where converted and occurred_at < '2025-03-20';
create table raw.spend as
select day::date as date_day, platform, case platform when 'google' then 'Paid Search' when 'display' then 'Display' else 'Paid Social' end as channel,
    platform || '_' || part as campaign,
    (select 10 + 20 * part + 25 * count(*) from raw.orders where ordered_at::date = day::date and length(order_id) % 3 + part = length(platform) % 3)::numeric as spend,
    7 as clicks, 900 as impressions
from generate_series('2025-01-01'::timestamp, '2025-03-19', '1 day') as day, unnest('{google,display,facebook}'::text[]) as platform,
    generate_series(0, 1) as part;
create table raw.factors as
select day::date as date_day, 'price' as factor, 9 + extract(doy from day)::int * 13 % 7 / 10.0 as value
from generate_series('2025-01-01'::timestamp, '2025-03-19', '1 day') as day;
"""

# A day more, late events, a day that was withdrawn and some single events, and two devices that turn out to be one person.
CHANGE = """
insert into raw.events
select event_id, anonymous_id, user_id, occurred_at, source, medium, campaign, false
from raw.everything
where not converted and (occurred_at between '2025-03-20' and '2025-03-21'
    or event_id like '%7' and occurred_at between '2025-02-10' and '2025-02-12');
delete from raw.events where occurred_at::date = '2025-01-20' or event_id like '%3' and occurred_at::date = '2025-01-24';
update raw.orders set revenue = revenue + 5 where order_id = (select min(order_id) from raw.orders);
insert into raw.events
select 'identify' || anonymous_id, anonymous_id, 'someone', timestamptz '2025-03-20 12:00+00', null, null, null, false
from (select distinct anonymous_id from raw.orders order by anonymous_id limit 1) as buyer
union all
select 'identify' || anonymous_id, anonymous_id, 'someone', timestamptz '2025-03-20 13:00+00', null, null, null, false
from (select anonymous_id from raw.events group by anonymous_id order by count(*), anonymous_id limit 1) as browser;
"""

# A site behind a web vendor, whose pages say in their addresses where visits came from.
SITE = """{attrib_segment: site, attrib_conversions: raw.orders, attrib_lookback_days: 5, attrib_internal_hosts: [shop.example.com]}"""
LOAD_SITE = """
create schema site;
create table site.pages as
select event_id as id, anonymous_id, null::text as user_id, occurred_at as timestamp, occurred_at + interval '1 second' as received_at,
    'https://shop.example.com/' || case when event_id like '%2' then '' else '?utm_source=' || source || '&utm_medium=' || medium || '&utm_campaign=Spring%20' || right(campaign, 1) end as url,
    case when event_id like '%2' then 'https://www.google.de/' when event_id like '%4' then 'https://help.example.org/' end as referrer
from raw.everything
where not converted and occurred_at < '2025-03-19';
create table site.tracks as
select 'login' || anonymous_id as id, anonymous_id, 'u' || anonymous_id as user_id, max(occurred_at) as timestamp, max(occurred_at) as received_at, 'login' as event
from raw.everything where event_id like '%5' and occurred_at < '2025-03-19' group by anonymous_id;
"""
CHANGE_SITE = """
insert into site.pages
select event_id, anonymous_id, null, occurred_at, occurred_at, 'https://shop.example.com/?gclid=' || event_id, null
from raw.everything where not converted and occurred_at between '2025-03-19' and '2025-03-20';
insert into site.pages values ('late', 'd1', null, '2025-01-15 12:00+00', '2025-03-20', 'https://shop.example.com/?fbclid=1', 'https://l.facebook.com/');
update site.pages set referrer = 'https://duckduckgo.com/' where id = (select min(id) from site.pages where referrer like '%google%');
delete from site.pages where id = (select max(id) from site.pages where timestamp < '2025-02-01');
"""

RULE = "insert into {schema}.attrib_channel_rules (priority, source_pattern, medium_pattern, campaign_pattern, channel) values (1, 'tiktok', null, null, 'Short Video')"

INCREMENTAL = ["int_attrib__touches", "int_attribution", "int_attrib__journeys", "int_attrib__touch_credits", "int_attrib__daily_credit"]

number = 0
failed = 0


def ok(passed, name, detail=""):
    """One line of TAP."""
    global number, failed
    number += 1
    failed += not passed
    print(f"{'ok' if passed else 'not ok'} {number} - {name}", flush=True)
    if not passed and detail:
        print("\n".join("# " + line for line in str(detail).splitlines()), file=sys.stderr, flush=True)  # prove shows it


class Dbt:
    """Invocations of dbt in this process, with what they complained about."""

    def __init__(self):
        self.complaints = []
        self.runner = dbtRunner(callbacks=[self.hear])

    def hear(self, event):
        if event.info.level in ("warn", "error"):
            self.complaints.append(event.info.msg)

    def __call__(self, schema, *arguments):
        os.environ["ATTRIB_DBT_SCHEMA"] = schema
        self.complaints.clear()
        paths = [] if arguments[0] == "deps" else ["--target-path", str(STATE / schema)]
        result = self.runner.invoke(["--quiet", "--log-path", str(STATE / "logs"), *arguments, "--project-dir", str(PROJECT),
                                     "--profiles-dir", str(PROJECT), *paths])
        return result.success

    def good(self, name, schema, *arguments):
        """A run that succeeds and warns of nothing."""
        success = self(schema, *arguments)
        ok(success and not self.complaints, name, "\n".join(self.complaints))
        return success


class Database:
    """The server's side."""

    def __init__(self):
        self.connection = psycopg2.connect("")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self("set timezone = 'UTC'")

    def __call__(self, statement, *values):
        self.cursor.execute(statement, values or None)
        return self.cursor.fetchall() if self.cursor.description else []

    def contents(self, schema, kinds="rmv"):
        """A fingerprint of every relation's rows; the log of runs aside."""
        names = self("""select relname from pg_class where relnamespace = %s::regnamespace and relkind = any (%s::text[]::"char"[])
                        and relname <> 'attrib__runs' and relname !~ '_view$' order by relname""", schema, list(kinds))
        return {name: self(f"select count(*), md5(string_agg(t::text, e'\\n' order by t::text)) from {schema}.{name} as t")[0] for (name,) in names}

    def same(self, name, left, right):
        """Two queries with the same rows."""
        difference = self(f"""with l as ({left}), r as ({right})
            select 'left', x::text from (select * from l except all select * from r) as x
            union all select 'right', x::text from (select * from r except all select * from l) as x limit 6""")
        rows = self(f"select count(*) from ({left}) as x")[0][0]
        ok(rows > 0 and not difference, name, "no rows" if rows == 0 else "\n".join(map(str, difference)))


def same_contents(name, one, other):
    """The same relations with the same rows, byte for byte."""
    different = [relation for relation in sorted(one.keys() | other.keys()) if one.get(relation) != other.get(relation)]
    ok(one and not different, name, ", ".join(different))


EVENTS = """select person_id, touched_at as at, channel, false as converted, 0::float8 as value, touch_id as id from inc.int_attrib__touches
    union all select person_id, converted_at, null, true, revenue::float8, conversion_id from inc.int_attrib__conversions"""
OPTIONS = """(select attrib.journey_options(lookback => '5 days', observed_until => max(at)) from
    (select touched_at as at from inc.int_attrib__touches union all select converted_at from inc.int_attrib__conversions) as x)"""


def by_hand(db):
    """What a mart says is what the extension says when it is called on the same rows."""
    summary = f"(select attrib.journey_summary_agg(person_id, at, channel, converted, value, {OPTIONS}) from ({EVENTS}) as e)"
    ok(db(f"select {summary} operator(attrib.=) (select attrib.rollup(summary) from inc.int_attribution)")[0][0],
       "the summaries of all days are the summary of all events, byte for byte")
    scope = """(select attrib.rollup(summary) from inc.int_attribution where segment = 'web' or conversion_type = '')"""
    db.same("attrib__model_comparison is attribution_models()",
            "select model, channel, conversions, revenue, share from inc.attrib__model_comparison where segment = 'web'",
            f"""select model, channel, conversions, round(value::numeric, 6), share from attrib.attribution_models({scope},
                '{{first_touch,last_touch,linear,position_based,position_decay,time_decay,shapley,markov}}')""")
    db.same("its intervals are attribution_intervals()",
            "select channel, share_low, share_high from inc.attrib__model_comparison where segment = 'web' and model = 'markov'",
            f"select channel, share_low, share_high from attrib.attribution_intervals({scope}, 'markov', 100)")
    db.same("attrib__markov_transitions is markov_transitions()",
            "select from_state, to_state, transitions, probability from inc.attrib__markov_transitions where segment = 'web'",
            f"select from_state[1], to_state[1], transitions, probability from attrib.markov_transitions({scope})")
    db.same("attrib__paths is journey_agg()",
            "select conversion_id, path_channels, revenue::float8 from inc.attrib__paths",
            f"""select (j).conversion_id, (j).path, (j).value from (select unnest(attrib.journey_agg(at, channel, converted, value, id,
                    attrib.journey_options(lookback => '5 days'))) as j from ({EVENTS}) as e group by person_id) as x where (j).conversion_id is not null""")
    db.same("attrib__touch_credit is touch_credit()",
            "select conversion_id, channel, credit from inc.attrib__touch_credit where model = 'position_based' and touch_number > 0",
            """select conversion_id, channel, credit from inc.attrib__paths,
                unnest(path_channels, attrib.touch_credit(path_channels, 'position_based')) as t (channel, credit)""")
    for model in ("first_touch", "last_touch", "linear", "position_decay", "time_decay", "shapley"):
        db.same(f"attrib__channel_daily adds up to {model} of all events",
                f"""select channel, round(sum(conversions)::numeric, 6), round(sum(revenue), 2) from inc.attrib__channel_daily
                    where model = '{model}' and date_basis = 'conversion' group by channel having sum(conversions) > 0""",
                f"""select channel, round(conversions::numeric, 6), round(value::numeric, 2)
                    from attrib.attribution_models({summary}, '{{{model}}}') where conversions > 0""")
    db.same("attribution_summary is markov_removal_effect() of the month",
            """select channel, conversions, revenue from inc.attribution_summary
                where model = 'markov' and period_start = '2025-02-01' and segment = 'web' and date_basis = 'conversion' and conversions > 0""",
            """select channel, conversions, round(value::numeric, 6) from attrib.markov_removal_effect((select attrib.rollup(summary)
                from inc.int_attribution where day between '2025-02-01' and '2025-02-28' and (segment = 'web' or conversion_type = '')))
                where conversions > 0""")
    model = """attrib.mmm_fit((select attrib.mmm_dataset_agg(day, coalesce(kpi, 0), media, jsonb_build_object('price', price))
        from (select date_day as day, jsonb_object_agg(channel, spend) as media from (select date_day, channel, sum(spend)::float8 as spend from raw.spend group by 1, 2) as s group by 1) as m
        left join (select ordered_at::date as day, sum(revenue)::float8 as kpi from raw.orders group by 1) as k using (day)
        join (select date_day as day, value::float8 as price from raw.factors) as f using (day)
        where day between (select min(ordered_at)::date from raw.orders) and (select max(ordered_at)::date from raw.orders)), method => 'ridge')"""
    db("drop table if exists raw.model")
    db(f"create table raw.model as select {model} as model")
    db.same("the media mix model is mmm_fit() of the source tables",
            "select channel, mmm_roas, mmm_roas_low, mmm_roas_high from inc.attrib__triangulation where segment = 'web' and mmm_roas is not null",
            "select channel, roas, roas_low, roas_high from raw.model, attrib.mmm_roas(model)")
    db.same("mmm__decomposition is mmm_contributions()",
            "select date_day, component, contribution from inc.mmm__decomposition",
            "select period, component, contribution from raw.model, attrib.mmm_contributions(model)")
    db.same("mmm__budget_plan is optimize_budget()",
            "select channel, current_spend, optimal_spend, lift, upper_bound from inc.mmm__budget_plan where scenario = 'same_total'",
            """select channel, current_spend, optimal_spend, lift, upper_bound from raw.model, attrib.optimize_budget(attrib.steady_state_curves(model),
                (select sum(current_spend::numeric)::float8 from unnest(attrib.steady_state_curves(model))))""")
    db.same("attrib__blended_roas is what the source tables say",
            "select date_day, conversions, revenue, spend from inc.attrib__blended_roas",
            """select date_day, coalesce(o.n, 0), coalesce(o.revenue, 0), coalesce(s.spend, 0)
                from (select ordered_at::date as date_day, count(*) as n, sum(revenue) as revenue from raw.orders group by 1) as o
                full join (select date_day, sum(spend) as spend from raw.spend group by 1) as s using (date_day)""")


def incremental(dbt, db):
    """Runs after changes, a full refresh, and materialized views all end with the same rows."""
    dbt.good("a generated business builds", "inc", "build", "--vars", GENERATED)
    dbt.good("it builds as materialized views", "views", "build", "--vars", IN_VIEWS, "--exclude-resource-type", "test")
    tables, views = db.contents("inc"), db.contents("views")
    same_contents("materialized views hold what tables hold", tables, {name: views[name] for name in views})
    db("create table raw.before as " + " union all ".join(f"select '{model}' as model, xmin::text as written from inc.{model}" for model in INCREMENTAL))

    db(CHANGE)
    dbt.good("a run after late, deleted and changed events and a late identify", "inc", "run", "--vars", GENERATED)
    for model in INCREMENTAL:
        rows = db("select count(*) from raw.before where model = %s", model)[0][0]
        kept = db(f"select count(*) from inc.{model} where xmin::text in (select written from raw.before where model = %s)", model)[0][0]
        ok(0 < kept < rows, f"days that could not have changed were not built again ({kept} of {rows} rows of {model} kept)")
    ok(db("select count(*) from inc.int_attribution where day = '2025-01-20' and conversion_type = ''")[0][0] == 0, "a day that was withdrawn is gone")
    by_hand(db)

    db(RULE.format(schema="inc"))
    dbt.good("a run after a channel rule changed", "inc", "run", "--vars", GENERATED)
    ok(db("select count(*) from inc.attrib__channel_daily where channel = 'Short Video'")[0][0] > 0, "the rule shows in the marts")
    after = db.contents("inc")
    dbt.good("a full refresh", "inc", "run", "--full-refresh", "--vars", GENERATED)
    same_contents("incremental runs end where a full refresh does, byte for byte", after, db.contents("inc"))
    ok(db("select count(*) from inc.attrib__runs where kind = 'build'")[0][0] == 4, "attrib__runs has a row for every run, a full refresh or not")

    db(RULE.format(schema="views"))
    db("call views.attrib_refresh()")
    same_contents("attrib_refresh() brings materialized views to the same rows", after, db.contents("views"))
    ok(db("select count(*) from views.attrib__runs where kind = 'refresh' and input_fingerprint = (select input_fingerprint from inc.attrib__runs order by finished_at desc limit 1)")[0][0] == 1,
       "and logs itself, with the same fingerprint of its input")
    ok(db("select count(*) = (select count(*) from inc.attrib__channel_daily) from views.attrib__channel_daily_view")[0][0],
       "a view stands over each materialized view of the marts")

    dbt.good("a run with other models, options and days", "inc", "run", "--vars", ASKED_OTHERWISE)
    after = db.contents("inc")
    dbt.good("a full refresh of it", "inc", "run", "--full-refresh", "--vars", ASKED_OTHERWISE)
    same_contents("and they are the same, byte for byte", after, db.contents("inc"))


def web_vendor(dbt, db):
    """Events of a web vendor are kept day by day; what they change, and how they are to be read, leads to what a full refresh builds."""
    run = ["--select", "+int_attrib__journeys", "--vars"]
    db(LOAD_SITE)
    dbt.good("a site behind a web vendor builds", "site", "build", "--exclude-resource-type", "test", *run, SITE)
    db("create table raw.read as select xmin::text as written from site.stg_attrib__events")
    db(CHANGE_SITE)
    dbt.good("a run after new, late, changed and deleted pages", "site", "run", *run, SITE)
    kept, rows = db("select count(*) filter (where xmin::text in (select written from raw.read)), count(*) from site.stg_attrib__events")[0]
    ok(0.9 < kept / rows < 1, f"days of which nothing changed were not read again ({kept} of {rows} events kept)")
    after = db.contents("site")
    dbt.good("a full refresh of it", "site", "run", "--full-refresh", *run, SITE)
    same_contents("reading what changed ends where reading everything does, byte for byte", after, db.contents("site"))
    otherwise = SITE.replace("[shop.example.com]", "[help.example.org]")
    dbt.good("a run with other internal hosts", "site", "run", *run, otherwise)
    after = db.contents("site")
    dbt.good("a full refresh of it", "site", "run", "--full-refresh", *run, otherwise)
    same_contents("and they are the same, byte for byte", after, db.contents("site"))


def main():
    dbt, db = Dbt(), Database()
    dbt.good("dbt deps", "core", "deps")
    success = dbt("core", "build", *CORE)
    ok(not success and any("run-operation install_attrib" in str(complaint) for complaint in dbt.complaints),
       "without the extension a run ends with what to do", "\n".join(dbt.complaints))
    dbt.good("dbt run-operation install_attrib", "core", "run-operation", "install_attrib")
    if "--changes" not in sys.argv:
        fixed(dbt, db)
    db(LOAD)
    incremental(dbt, db)
    web_vendor(dbt, db)
    print(f"1..{number}")
    sys.exit(failed > 0)


def fixed(dbt, db):
    """The businesses made by hand: generic sources alone, and every source at once."""
    dbt.good("dbt seed", "core", "seed", *CORE)
    dbt.good("generic sources alone: models, tests, expected marts", "core", "build", *CORE)
    dbt.good("the same once more", "core", "build", *CORE)
    dbt.good("dbt seed of every source", "sources", "seed", *SOURCES)
    dbt.good("every source: models, tests, expected staging", "sources", "build", *SOURCES)
    dbt.good("the same once more", "sources", "build", *SOURCES)
    for model, lines in reference.differences(db, "sources").items():
        ok(not lines, f"{model} is what the vendors' columns mean, worked out in Python", "\n".join(lines))


main()
