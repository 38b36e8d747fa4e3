-- Models side by side, and the credit of single touches.
CREATE EXTENSION attrib;
SET search_path = attrib, public;

CREATE TABLE worked (path text[], conversions int, lost int, value float8);
INSERT INTO worked VALUES
  ('{A,B,A,C}', 3, 2, 90), ('{A}', 2, 8, 20), ('{A,A,A,B}', 4, 1, 100), ('{B,C}', 1, 4, 75), ('{C,C}', 0, 5, 0),
  ('{C,B,B,A}', 2, 3, 60), ('{D,A,D}', 1, 0, 12), ('{B,A,B,A,B}', 5, 5, 250), ('{D}', 0, 7, 0), ('{}', 2, 0, 3);
CREATE TABLE summaries AS
  SELECT journey_summary_agg(path, conversions, lost, value) AS s FROM worked;

-- Everything that bare paths can answer.
SELECT model, channel, round(conversions::numeric, 6) AS conversions, round(value::numeric, 6) AS value,
       round(share::numeric, 6) AS share, round(value_share::numeric, 6) AS value_share
FROM summaries, attribution_models(s);
SELECT model, round(sum(conversions)::numeric, 9) AS conversions, round(sum(value)::numeric, 9) AS value,
       round(sum(share)::numeric, 9) AS share, round(sum(value_share)::numeric, 9) AS value_share
FROM summaries, attribution_models(s, NULL, NULL) GROUP BY model ORDER BY model;

-- Each model with its own arguments is its own function.
SELECT bool_and(m.conversions = c.conversions AND m.value = c.value AND m.share = c.share) AS same
FROM summaries,
     attribution_models(s, '{last_touch}', '{"last_touch": {"ignore": ["A"]}, "markov": {"markov_order": 2}}') m
     JOIN LATERAL last_touch_attr(s, '{A}') c USING (channel);
SELECT bool_and(m.conversions = c.conversions) AS same
FROM summaries, attribution_models(s, '{position_based}', '{"position_based": {"first": 0.2, "last": 0.7}}') m
     JOIN LATERAL position_based_attr(s, 0.2, 0.7) c USING (channel);
SELECT bool_and(m.conversions = c.conversions) AS same
FROM summaries, attribution_models(s, '{position_decay}', '{"position_decay": {"ratio": 0.3}}') m
     JOIN LATERAL position_decay_attr(s, 0.3) c USING (channel);
SELECT bool_and(m.conversions = c.conversions AND m.value = c.value) AS same
FROM summaries, attribution_models(s, '{shapley}', '{"shapley": {"game": "rate", "max_exact": 1, "samples": 50, "seed": 9}}') m
     JOIN LATERAL shapley_attr(s, 'rate', true, 1, 50, 9) c USING (channel);
SELECT count(*) FROM summaries, attribution_models(s, '{}');
SELECT * FROM attribution_models(NULL);

-- time_decay is among them where the summary keeps a clock.
SELECT model, channel, conversions, value
FROM attribution_models('{"version": 1, "options": {"half_life": "7 days"}, "channels": ["a", "b"], "paths": [
  {"path": [0, 1], "conversions": 3, "value": 12, "decay": [[1, 4], [2, 8]]}]}', '{time_decay,linear}');
SELECT count(DISTINCT model) FROM attribution_models('{"version": 1, "options": {"half_life": "7 days"}, "channels": ["a"], "paths": [
  {"path": [0], "conversions": 3}]}');

-- "scale" says nothing new here.
SELECT count(*) FROM summaries, attribution_models(s, '{shapley}', '{"shapley": {"scale": false}}');

-- Shares need something to share.
SELECT * FROM attribution_models((SELECT journey_summary_agg('{a,b}'::text[], false)), '{linear}');

-- touch_credit: the same models, one path at a time.
SELECT model, touch_credit('{A,B,A,C}', model)
FROM unnest('{first_touch,last_touch,linear,position_based,position_decay,shapley}'::text[]) AS model;
SELECT touch_credit('{A,B}'), touch_credit('{}'), touch_credit(NULL), touch_credit('{A}', 'shapley');
SELECT touch_credit('{A,B,A}', 'last_touch', '{"ignore": ["A"]}') AS last,
       touch_credit('{A,B,A}', 'first_touch', '{"first_touch": {"ignore": ["A"]}}') AS first,
       touch_credit('{A,A}', 'last_touch', '{"ignore": ["A"]}') AS nothing_else,
       touch_credit('{A,B}', 'position_based', '{"first": 0.2, "last": 0.6}') AS ends,
       touch_credit('{A,B,C}', 'position_decay', '{"ratio": 1}') AS even;
-- Adobe's published example: a 50 dollar order with a half-life of 7 days.
SELECT ARRAY(SELECT round((50 * w)::numeric, 2) FROM unnest(touch_credit('{paid,social,email,display}', 'time_decay',
  '{"touched_at": ["2024-01-01 00:00+00", "2024-01-04 00:00+00", "2024-01-10 00:00+00", "2024-01-10 00:00+00"], "half_life": "7 days"}')) AS w) AS dollars;
SELECT touch_credit('{A,B}', 'time_decay', '{"time_decay": {"touched_at": ["2024-01-01 00:00+00", "2024-01-08 00:00+00"]}}');
SELECT touch_credit('{A,B}', 'time_decay', jsonb_build_object('touched_at', ARRAY['4714-11-24 00:00:00+00 BC', '294276-12-31 00:00:00+00']));

-- Added left to right, the weights are exactly 1.
CREATE FUNCTION add_up(weights float8[]) RETURNS float8 LANGUAGE plpgsql AS
$$ DECLARE total float8 := 0; w float8; BEGIN FOREACH w IN ARRAY weights LOOP total := total + w; END LOOP; RETURN total; END $$;
SELECT model, bool_and(add_up(touch_credit(path, model)) = 1) AS exactly_one
FROM (SELECT array_agg('c' || i * n % 17 ORDER BY i) AS path FROM generate_series(1, 200) AS n, generate_series(1, n) AS i GROUP BY n) AS p,
     unnest('{linear,position_based,position_decay,shapley}'::text[]) AS model
GROUP BY model ORDER BY model;
SELECT add_up(touch_credit(array_agg('c' || i), 'linear')) FROM generate_series(1, 20000) AS i;

-- touch_credit_by_effect: in proportion to each touch's channel; equal where no channel has an effect.
SELECT touch_credit_by_effect('{email,search,email,tv}', '{"email": 0.25, "search": 0.5, "radio": 9}') AS credit,
       touch_credit_by_effect('{tv,fax}', '{"email": 0.25}') AS no_effect,
       touch_credit_by_effect('{}', '{}') AS empty, touch_credit_by_effect('{a}', NULL) AS nothing,
       touch_credit_by_effect('{a,b}', '{"a": 1.7e308, "b": 1.7e308}') AS huge;

-- What is refused.
CREATE FUNCTION refused(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; hint text;
BEGIN
  EXECUTE query;
  RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
  RETURN SQLSTATE || ': ' || left(message, 120) || coalesce(' -- ' || nullif(hint, ''), '');
END $$;
\pset format unaligned
SELECT refused(query) FROM (VALUES
  (1, $$SELECT * FROM summaries, attribution_models(s, '{linear,magic}')$$),
  (2, $$SELECT * FROM summaries, attribution_models(s, '{linear,linear}')$$),
  (3, $$SELECT * FROM summaries, attribution_models(s, '{linear,NULL}')$$),
  (4, $$SELECT * FROM summaries, attribution_models(s, '{time_decay}')$$),
  (5, $$SELECT * FROM summaries, attribution_models(s, NULL, '{"magic": {}}')$$),
  (6, $$SELECT * FROM summaries, attribution_models(s, NULL, '{"linear": {"ratio": 1}}')$$),
  (7, $$SELECT * FROM summaries, attribution_models(s, NULL, '{"linear": 1}')$$),
  (8, $$SELECT * FROM summaries, attribution_models(s, NULL, '{"position_based": {"first": 0.8}}')$$),
  (9, $$SELECT * FROM summaries, attribution_models(s, NULL, '{"position_decay": {"ratio": 0}}')$$),
  (10, $$SELECT * FROM summaries, attribution_models(s, NULL, '{"last_touch": {"ignore": "A"}}')$$),
  (11, $$SELECT * FROM summaries, attribution_models(s, NULL, '{"shapley": {"max_exact": 30}}')$$),
  (12, $$SELECT * FROM summaries, attribution_models(s, NULL, '{"shapley": {"game": "rate", "scale": false}}')$$),
  (13, $$SELECT * FROM summaries, attribution_models(s, NULL, '{"shapley": {"game": "exact_rate"}}')$$),
  (14, $$SELECT * FROM summaries, attribution_models(s, NULL, '{"markov": {"markov_order": 0}}')$$),
  (15, $$SELECT * FROM summaries, attribution_models(s, NULL, '[]')$$),
  (16, $$SELECT touch_credit('{A,NULL}')$$),
  (17, $$SELECT touch_credit('{{A},{B}}')$$),
  (18, $$SELECT touch_credit('{A}', 'magic')$$),
  (19, $$SELECT touch_credit('{A}', 'markov')$$),
  (20, $$SELECT touch_credit('{A}', 'linear', '{"first": 1}')$$),
  (21, $$SELECT touch_credit('{A}', 'position_based', '{"first": 2}')$$),
  (22, $$SELECT touch_credit('{A}', 'time_decay')$$),
  (23, $$SELECT touch_credit('{A}', 'time_decay', '{"touched_at": ["2024-01-01", "2024-01-02"]}')$$),
  (24, $$SELECT touch_credit('{A}', 'time_decay', '{"touched_at": ["infinity"]}')$$),
  (25, $$SELECT touch_credit('{A}', 'time_decay', '{"touched_at": ["noon"]}')$$),
  (26, $$SELECT touch_credit('{A}', 'time_decay', '{"touched_at": ["2024-01-01"], "half_life": "1 month"}')$$),
  (27, $$SELECT touch_credit_by_effect('{A}', '{"A": -1}')$$),
  (28, $$SELECT touch_credit_by_effect('{A}', '{"A": "NaN"}')$$),
  (29, $$SELECT touch_credit_by_effect('{A}', '{"A": 1e400}')$$),
  (30, $$SELECT touch_credit_by_effect('{A}', '[]')$$),
  (31, $$SELECT touch_credit_by_effect('{NULL}', '{}')$$)
) AS queries(n, query) ORDER BY n;
