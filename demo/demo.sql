-- What `make demo` shows. Variables: users, bold, plain.
SET client_min_messages = warning;
CREATE EXTENSION attrib;
ALTER DATABASE demo SET search_path = attrib, public;
ALTER DATABASE demo SET jit = off;
ALTER DATABASE demo SET work_mem = '256MB';
\connect -reuse-previous=on demo

\pset border 1
\pset linestyle unicode
\pset footer off
\pset null ''

CREATE TABLE public.steps (n int GENERATED ALWAYS AS IDENTITY, step text, began timestamptz DEFAULT clock_timestamp());

\echo
\echo :bold'1. Ten thousand paths, the field''s standard example':plain
\echo 'path_data.csv: 12 channels with their names removed; see demo/data/README.md.'
\echo
INSERT INTO steps (step) VALUES ('load path_data.csv');
CREATE TEMP TABLE csv (path text, total_conversions bigint, total_conversion_value float8, total_null bigint);
\copy csv FROM 'data/path_data.csv' WITH (FORMAT csv, HEADER)
CREATE TABLE public.paths AS
SELECT string_to_array(path, ' > ') AS path, total_conversions AS conversions, total_null AS lost,
       total_conversion_value AS value
FROM csv;

INSERT INTO steps (step) VALUES ('paths to a summary');
CREATE TABLE public.summaries (name text PRIMARY KEY, summary journey_summary);
INSERT INTO summaries SELECT 'paths', journey_summary_agg(path, conversions, lost, value) FROM paths;

INSERT INTO steps (step) VALUES ('summary_stats of it');
SELECT journeys, conversions, lost, round(value::numeric, 2) AS value, channels, distinct_paths, longest_path,
       pg_size_pretty(bytes::bigint) AS size
FROM summaries, summary_stats(summary) WHERE name = 'paths';

\echo
\echo :bold'Conversions by model':plain
\echo 'Every column adds up to the same conversions; only who gets them differs.'
\echo
INSERT INTO steps (step) VALUES ('all models of the paths');
SELECT coalesce(channel, 'total') AS channel,
       (sum(conversions) FILTER (WHERE model = 'first_touch'))::numeric(9, 1) AS first,
       (sum(conversions) FILTER (WHERE model = 'last_touch'))::numeric(9, 1) AS last,
       (sum(conversions) FILTER (WHERE model = 'linear'))::numeric(9, 1) AS linear,
       (sum(conversions) FILTER (WHERE model = 'position_based'))::numeric(9, 1) AS "40/20/40",
       (sum(conversions) FILTER (WHERE model = 'position_decay'))::numeric(9, 1) AS decay,
       (sum(conversions) FILTER (WHERE model = 'shapley'))::numeric(9, 1) AS shapley,
       (sum(conversions) FILTER (WHERE model = 'markov'))::numeric(9, 1) AS markov
FROM summaries, attribution_models(summary) AS m
WHERE name = 'paths'
GROUP BY GROUPING SETS ((channel), ())
ORDER BY m.channel IS NULL, markov DESC;

\echo
\echo :bold'What last touch gets wrong, if the Markov chain is right':plain
\echo
INSERT INTO steps (step) VALUES ('Markov against last touch');
SELECT channel, last_touch, markov::numeric(9, 1),
       to_char(100 * (markov / nullif(last_touch, 0) - 1), 'S9990') || ' %' AS difference,
       lpad(repeat('▒', -least(0, length)), 14) || '│' || repeat('█', greatest(0, length)) AS "        less │ more"
FROM (SELECT channel, m.conversions AS markov, l.conversions AS last_touch,
             round(14 * (m.conversions - l.conversions) / max(abs(m.conversions - l.conversions)) OVER ())::int AS length
      FROM summaries, markov_removal_effect(summary) AS m JOIN LATERAL last_touch_attr(summary) AS l USING (channel)
      WHERE name = 'paths') AS t
ORDER BY markov - last_touch DESC;

\echo
\echo :bold'How much memory the chain should have':plain
\echo 'Orders are compared by how well they tell converted from lost, less a penalty for their parameters.'
\echo
INSERT INTO steps (step) VALUES ('choose the order');
SELECT markov_order AS "order", states, nodes, auc::numeric(6, 4), penalized_auc::numeric(6, 4),
       CASE WHEN penalized_auc = max(penalized_auc) OVER () THEN '← best' ELSE '' END AS " "
FROM summaries, markov_choose_order(summary, 6) WHERE name = 'paths'
ORDER BY markov_order;

\echo
\echo :bold'2. Raw events of' :users 'users':plain
\echo 'Generated from a known response, so that the true causal shares are known. Branded search follows intent'
\echo 'and causes nothing.'
\echo
INSERT INTO steps (step) VALUES ('generate the events');
CREATE UNLOGGED TABLE public.events AS SELECT * FROM generate_events(:users, seed => 7);
INSERT INTO steps (step) VALUES ('vacuum and analyze');
VACUUM (ANALYZE) events;
INSERT INTO steps (step) VALUES (NULL);
SELECT * FROM events LIMIT 5;

SELECT count(*) AS events, max(at) AS until FROM events
\gset
INSERT INTO steps (step) VALUES ('raw events to a summary, ' || :events || ' rows');
INSERT INTO summaries
SELECT 'events', journey_summary_agg(user_id, at, channel, converted, value, journey_options(observed_until => :'until'))
FROM events;

INSERT INTO steps (step) VALUES ('summary_stats of them');
SELECT journeys, conversions, lost, open, unattributed, round(value::numeric) AS value, distinct_paths, longest_path,
       pg_size_pretty(bytes::bigint) AS size
FROM summaries, summary_stats(summary) WHERE name = 'events';

\echo
\echo :bold'Shares of the credit in percent, beside the truth':plain
\echo
INSERT INTO steps (step) VALUES ('all models of the events');
CREATE TEMP TABLE credit AS
SELECT model, channel, conversions / sum(conversions) OVER (PARTITION BY model) AS share
FROM summaries, attribution_models(summary)
WHERE name = 'events' AND channel <> '(unattributed)';

INSERT INTO steps (step) VALUES ('the truth beside them');
SELECT channel, (100 * causal_share)::numeric(5, 1) AS truth,
       (100 * max(share) FILTER (WHERE model = 'first_touch'))::numeric(5, 1) AS first,
       (100 * max(share) FILTER (WHERE model = 'last_touch'))::numeric(5, 1) AS last,
       (100 * max(share) FILTER (WHERE model = 'linear'))::numeric(5, 1) AS linear,
       (100 * max(share) FILTER (WHERE model = 'time_decay'))::numeric(5, 1) AS time_decay,
       (100 * max(share) FILTER (WHERE model = 'shapley'))::numeric(5, 1) AS shapley,
       (100 * max(share) FILTER (WHERE model = 'markov'))::numeric(5, 1) AS markov
FROM generate_events_truth() JOIN credit USING (channel)
GROUP BY channel, causal_share
ORDER BY causal_share DESC;

\echo 'How far each model is from it: the credit, in percent, that sits on the wrong channel.'
\echo
SELECT model, (50 * sum(abs(share - causal_share)))::numeric(5, 1) AS misplaced
FROM generate_events_truth() JOIN credit USING (channel)
GROUP BY model ORDER BY misplaced;

\echo
\echo :bold'3. A summary a day':plain
\echo 'Days are stored once. Any window is a rollup of them, without touching an event again.'
\echo
INSERT INTO steps (step) VALUES ('events to daily summaries');
CREATE TABLE public.daily AS
SELECT day, summary
FROM unnest((SELECT journey_parts_agg(user_id, at, channel, converted, value, NULL::text,
                                      journey_options(observed_until => :'until'))
             FROM events));

INSERT INTO steps (step) VALUES ('roll up every month, Markov of each');
SELECT to_char(month, 'YYYY-MM') AS month, channel, conversions::numeric(9, 1), value::numeric(11, 2),
       (100 * share)::numeric(5, 1) AS percent
FROM (SELECT date_trunc('month', day) AS month, rollup(summary) AS summary FROM daily GROUP BY 1) AS months,
     LATERAL (SELECT * FROM markov_removal_effect(summary) ORDER BY conversions DESC LIMIT 3) AS best
ORDER BY month, conversions DESC;

INSERT INTO steps (step) VALUES ('roll up all days and compare');
SELECT (SELECT count(*) FROM daily) AS days,
       (SELECT rollup(summary) FROM daily) = (SELECT summary FROM summaries WHERE name = 'events') AS same_bytes_as_at_once;

\echo
\echo :bold'4. Media mix: weekly spend and sales, no users':plain
\echo 'mmm_example.csv was made from a known truth, so the fit can be held against it.'
\echo
INSERT INTO steps (step) VALUES ('load mmm_example.csv');
SET DateStyle = 'ISO, MDY';
CREATE TABLE public.mix_example (week date, sales float8, x1 float8, x2 float8, event_1 float8, event_2 float8, dayofyear int, t int);
\copy mix_example FROM 'data/mmm_example.csv' WITH (FORMAT csv, HEADER)
CREATE TABLE public.mix_models (name text PRIMARY KEY, dataset mmm_dataset, model mmm_model);
INSERT INTO steps (step) VALUES ('fit it: validation, search, 200 bootstrap refits');
INSERT INTO mix_models
SELECT 'example', dataset, mmm_fit(dataset, method => 'ridge', saturation => 'logistic', max_lag => 7)
FROM (SELECT mmm_dataset_agg(week, sales, jsonb_build_object('x1', x1, 'x2', x2),
                             jsonb_build_object('event_1', event_1, 'event_2', event_2)) AS dataset FROM mix_example) AS d;
INSERT INTO steps (step) VALUES ('its ROAS');
SELECT r.channel, round(spend::numeric, 1) AS spend, round(contribution) AS contribution, round(truth) AS "true contribution",
       to_char(100 * (contribution / truth - 1), 'S990.0') || ' %' AS off, round(roas) AS roas, round(roas_low) AS low, round(roas_high) AS high,
       round(marginal_roas) AS "marginal roas"
FROM mix_models, mmm_roas(model) AS r JOIN (VALUES ('x1', 274848.0), ('x2', 65906)) AS t (channel, truth) USING (channel)
WHERE name = 'example';

\echo 'The same as a Bayesian fit, the default: 4 chains of 1000 + 1000 No-U-Turn draws over everything that is not known.'
\echo 'R-hat near 1 says that the chains agree, ess how many independent draws theirs are worth.'
\echo
INSERT INTO steps (step) VALUES ('sample it');
INSERT INTO mix_models SELECT 'bayes', dataset, mmm_fit(dataset, saturation => 'logistic', max_lag => 7) FROM mix_models WHERE name = 'example';
INSERT INTO steps (step) VALUES ('its ROAS and transforms');
SELECT r.channel, round(roas) AS roas, round(roas_low) AS low, round(roas_high) AS high, round(true_roas) AS "true roas",
       d.mean::numeric(4, 2) AS decay, true_decay AS "true decay", d.low::numeric(4, 2) AS "decay low", d.high::numeric(4, 2) AS "decay high",
       p.rhat::numeric(6, 3) AS "worst R-hat", round(p.ess) AS "least ess"
FROM mix_models, mmm_roas(model) AS r JOIN (VALUES ('x1', 4967.8, 0.4), ('x2', 2274.9, 0.2)) AS t (channel, true_roas, true_decay) USING (channel)
     JOIN LATERAL (SELECT * FROM mmm_parameters(model) WHERE parameter = 'decay') AS d ON d.component = r.channel
     JOIN LATERAL (SELECT component, max(rhat) AS rhat, min(ess_bulk) AS ess FROM mmm_parameters(model) GROUP BY component) AS p ON p.component = r.channel
WHERE name = 'bayes';

\echo 'Sales by what made them, per quarter:'
\echo
INSERT INTO steps (step) VALUES ('its contributions');
SELECT to_char(date_trunc('quarter', period), 'YYYY "Q"Q') AS quarter, round(sum(contribution)) AS sales,
       round(sum(contribution) FILTER (WHERE component IN ('intercept', 'trend', 'seasonality'))) AS baseline,
       round(sum(contribution) FILTER (WHERE component = 'x1')) AS x1, round(sum(contribution) FILTER (WHERE component = 'x2')) AS x2,
       round(sum(contribution) FILTER (WHERE component LIKE 'event%')) AS events
FROM mix_models, mmm_contributions(model) WHERE name = 'example'
GROUP BY 1 ORDER BY 1;

\echo :bold'Five media without a known truth':plain
\echo 'dt_simulated_weekly.csv. The last twenty weeks are held out. Shares of the media effect range this far over fits that'
\echo 'are all as good as the best, which is the first thing to know about them:'
\echo
INSERT INTO steps (step) VALUES ('load dt_simulated_weekly.csv');
CREATE TABLE public.mix_weekly (week date, revenue float8, tv float8, ooh float8, print float8, facebook_impressions float8,
                                search_clicks float8, search float8, competitor float8, facebook float8, events text, newsletter float8);
\copy mix_weekly FROM 'data/dt_simulated_weekly.csv' WITH (FORMAT csv, HEADER)
INSERT INTO steps (step) VALUES ('fit it');
INSERT INTO mix_models
SELECT 'weekly', dataset, mmm_fit(dataset, method => 'ridge', holdout_periods => 20)
FROM (SELECT mmm_dataset_agg(week, revenue, jsonb_build_object('tv', tv, 'ooh', ooh, 'print', print,
               'facebook', jsonb_build_object('spend', facebook, 'exposure', facebook_impressions),
               'search', jsonb_build_object('spend', search, 'exposure', search_clicks)),
             jsonb_build_object('competitor', competitor, 'newsletter', newsletter, 'event1', (events = 'event1')::int, 'event2', (events = 'event2')::int))
             AS dataset FROM mix_weekly) AS d;
INSERT INTO steps (step) VALUES ('its health');
SELECT channel, round(spend) AS spend, (100 * spend_share)::numeric(4, 1) AS "% of spend", (100 * contribution_share)::numeric(4, 1) AS "% of effect",
       (100 * l.value)::numeric(4, 1) AS "at least", (100 * h.value)::numeric(4, 1) AS "at most", roas::numeric(6, 2), h.advice
FROM mix_models, mmm_roas(model) AS r
     JOIN LATERAL (SELECT * FROM mmm_diagnostics(model) WHERE metric = 'contribution_share_low') AS l ON l.component = r.channel
     JOIN LATERAL (SELECT component, max(value) FILTER (WHERE metric = 'contribution_share_high') AS value, max(advice) AS advice
                   FROM mmm_diagnostics(model) WHERE metric LIKE 'contribution_share%' GROUP BY component) AS h ON h.component = r.channel
WHERE name = 'weekly' ORDER BY spend DESC;
SELECT metric, value::numeric(6, 3), threshold, ok FROM mix_models, mmm_diagnostics(model)
WHERE name = 'weekly' AND metric IN ('r2', 'nrmse', 'durbin_watson', 'holdout_r2', 'holdout_nrmse', 'holdout_mape', 'validation_nrmse');
INSERT INTO steps (step) VALUES ('ten thousand candidates');
CREATE TEMP TABLE candidates AS
SELECT c.* FROM mix_models, mmm_candidates(dataset, method => 'ridge', extra => '{"candidates": 10000}') AS c WHERE name = 'weekly';
\echo 'The front of fit (nrmse) against likeness of effect to spend (rssd), every twentieth candidate:'
\echo
INSERT INTO steps (step) VALUES (NULL);
SELECT candidate, nrmse::numeric(6, 4), rssd::numeric(6, 4), string_agg(channel || ' ' || round(100 * contribution_share) || ' %', ', ' ORDER BY channel) AS effect
FROM candidates WHERE candidate % 20 = 1 GROUP BY candidate, nrmse, rssd ORDER BY candidate;

\echo
\echo :bold'5. Next quarter\'s budget':plain
\echo 'Five channels with S-shaped response curves. No plan of today\'s total brings more than the upper bound.'
\echo
CREATE TABLE public.media (channel text, coefficient float8, half_saturation float8, slope float8, today float8);
INSERT INTO media VALUES
    ('tv',     900000, 400000, 2.5, 300000), ('ooh',    300000, 300000, 3.0, 200000),
    ('search', 500000, 150000, 1.0, 250000), ('social', 400000, 200000, 1.6, 150000),
    ('email',   80000,  20000, 1.2,  20000);
CREATE TABLE public.curves AS
SELECT array_agg(response_curve(channel, coefficient, half_saturation, slope, current_spend => today) ORDER BY today DESC) AS curves
FROM media;
INSERT INTO steps (step) VALUES ('the best plan of today''s total');
SELECT coalesce(channel, 'total') AS channel, round(sum(current_spend)) AS today, round(sum(optimal_spend)) AS best,
       round(sum(current_response)) AS response_today, round(sum(optimal_response)) AS response,
       CASE WHEN channel IS NULL THEN round(max(upper_bound)) END AS upper_bound,
       CASE WHEN channel IS NULL THEN to_char(max(gap), '0.0EEEE') END AS gap
FROM curves, optimize_budget(curves) WITH ORDINALITY AS plan
GROUP BY GROUPING SETS ((channel, ordinality), ()) ORDER BY ordinality;

\echo :bold'With a contract, a brand floor and a target for the return':plain
\echo
INSERT INTO steps (step) VALUES ('a plan under constraints');
SELECT channel, round(optimal_spend) AS spend, round(optimal_response) AS response, marginal_roas::numeric(5, 3) AS marginal,
       binding_constraint AS held_by, (sum(optimal_response) OVER () / sum(optimal_spend) OVER ())::numeric(5, 3) AS total_roas
FROM curves, optimize_budget(curves, target_roas => 1.05, constraints => '[
    {"name": "ooh contract", "channels": ["ooh"], "equal": 150000},
    {"name": "brand floor", "channels": ["tv", "ooh"], "min": 500000}]');

\echo :bold'The frontier: what every total can bring, and who is switched on when':plain
\echo
INSERT INTO steps (step) VALUES ('the frontier');
SELECT total_budget, round(response) AS response, marginal_roas::numeric(5, 3) AS "last unit",
       round((allocation ->> 'tv')::numeric) AS tv, round((allocation ->> 'ooh')::numeric) AS ooh,
       round((allocation ->> 'search')::numeric) AS search, round((allocation ->> 'social')::numeric) AS social,
       round((allocation ->> 'email')::numeric) AS email,
       repeat('█', (30 * response / max(response) OVER ())::int) AS " "
FROM curves, budget_frontier(curves, 200000, 2000000, 10);

\echo :bold'What if the budget is cut by a fifth?':plain
\echo
INSERT INTO steps (step) VALUES ('scenarios');
SELECT CASE cut WHEN 0 THEN 'as today' ELSE '-' || 100 * cut || ' %' END AS budget, round(sum(optimal_response)) AS best,
       round(((SELECT sum(current_response) FROM curves, optimize_budget(curves)))) AS "today's plan",
       round((100 * sum(optimal_response) / (SELECT sum(current_response) FROM curves, optimize_budget(curves)) - 100)::numeric, 1)
           AS "% better, with less"
FROM curves, unnest(ARRAY[0, 0.1, 0.2]) AS cut, optimize_budget(curves, 920000 * (1 - cut))
GROUP BY cut ORDER BY cut;

\echo :bold'Over the fitted model: next quarter as the last one, scaled':plain
\echo 'The response of each channel is the model''s own, week by week; the interval is that of the lift over the draws.'
\echo
INSERT INTO steps (step) VALUES ('a plan over the model');
SELECT coalesce(channel, 'total') AS channel, round(sum(current_spend)) AS today, round(sum(optimal_spend)) AS best,
       round(sum(current_response)) AS response_today, round(sum(optimal_response)) AS response, round(sum(lift)) AS lift,
       CASE WHEN channel IS NOT NULL THEN '[' || round(max(lift_low)) || ', ' || round(max(lift_high)) || ']' END AS "90 %",
       bool_or(extrapolated) AS extrapolated, CASE WHEN channel IS NULL THEN to_char(max(gap), '0.0EEEE') END AS gap
FROM mix_models, optimize_budget(model, periods => 13) WITH ORDINALITY AS plan
WHERE name = 'weekly' GROUP BY GROUPING SETS ((channel, ordinality), ()) ORDER BY ordinality;
\echo :bold'and week by week, given what the last weeks still carry':plain
\echo
INSERT INTO steps (step) VALUES ('flighting');
SELECT period, round(sum(spend)) AS spend, string_agg(channel || ' ' || round(spend), ', ' ORDER BY channel) AS plan,
       round(sum(response)) AS response
FROM mix_models, optimize_flighting(model, NULL, 8) WHERE name = 'weekly' GROUP BY period ORDER BY period;

\echo
\echo :bold'What took how long':plain
\echo
INSERT INTO steps (step) VALUES (NULL);
SELECT step, milliseconds
FROM (SELECT n, step, round(1000 * extract(epoch FROM lead(began) OVER (ORDER BY n) - began), 1) AS milliseconds
      FROM steps) AS t
WHERE step IS NOT NULL ORDER BY n;
\echo 'make psql opens a shell on these tables.'
