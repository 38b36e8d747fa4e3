-- Adstock and saturation as users call them. The golden vectors are in test/mmm.
CREATE EXTENSION attrib;
SET search_path = attrib, public;
SET extra_float_digits = 0;

CREATE TABLE weeks (geo text, week int, spend float8);
INSERT INTO weeks VALUES
  ('north', 1, 100), ('north', 2, NULL), ('north', 3, 50), ('north', 4, 0), ('north', 5, 0), ('north', 6, 20),
  ('south', 1, 8), ('south', 2, 0), ('south', 3, 0), ('south', 4, 0), ('south', 5, 0), ('south', 6, 0);

-- All of them as window functions
SELECT geo, week, spend, adstock(spend, 0.5) OVER w AS geometric, adstock(spend, 0.5, 2, false) OVER w AS three_weeks,
       round((adstock(spend, 0.5, 2, true) OVER w)::numeric, 6) AS normalized,
       round((adstock(spend, 0.5, NULL, true) OVER w)::numeric, 6) AS all_history,
       round((adstock_delayed(spend, 0.5, 1, 3, false) OVER w)::numeric, 6) AS delayed,
       round((adstock_binomial(spend, 0.5, 3, true) OVER w)::numeric, 6) AS binomial,
       round((adstock_weibull(spend, 2, 2, 3, 'cdf', false) OVER w)::numeric, 6) AS cdf,
       round((adstock_weibull(spend, 2, 2, 3, 'pdf', true) OVER w)::numeric, 6) AS pdf
FROM weeks WINDOW w AS (PARTITION BY geo ORDER BY week) ORDER BY geo, week;
-- Over the rows of a frame alone, where a frame is asked for
SELECT week, adstock(spend, 0.5) OVER (ORDER BY week ROWS 1 PRECEDING) AS two_rows,
       adstock(spend, 0.5, 5, false) OVER (ORDER BY week ROWS 1 PRECEDING) AS same
FROM weeks WHERE geo = 'north';
-- As plain aggregates the last period's stock; nothing of no rows
SELECT adstock(spend, 0.5 ORDER BY week), adstock(spend, 0.5, 2, false ORDER BY week) FROM weeks WHERE geo = 'north';
SELECT adstock(spend, 0.5), adstock(spend, 0.5, 2, false) FROM weeks WHERE false;
-- One step at a time is the same: what was carried over, and a period without spend
SELECT week, stock, stock = adstock(spend, 0.5) OVER (ORDER BY week) AS same
FROM (WITH RECURSIVE steps AS (
        SELECT week, spend, adstock_carry(NULL, spend, 0.5) AS stock FROM weeks WHERE geo = 'north' AND week = 1
        UNION ALL
        SELECT w.week, w.spend, adstock_carry(s.stock, w.spend, 0.5)
        FROM steps AS s JOIN weeks AS w ON w.geo = 'north' AND w.week = s.week + 1)
      SELECT * FROM steps) AS steps ORDER BY week;
SELECT adstock_carry(1, 2, NULL);
SELECT adstock_carry(1, 2, 1.5);
SELECT adstock_carry(1, 'Infinity', 0.5);
-- A decay that changes from row to row
SELECT week, adstock(spend, CASE WHEN week < 3 THEN 0.5 ELSE 0.1 END) OVER (ORDER BY week) FROM weeks WHERE geo = 'north';

-- Series and their defaults
SELECT adstock_series('{100,NULL,50,0,0,20}', 0.5);
SELECT adstock_series('{100,NULL,50,0,0,20}', 0.5, 2);
SELECT adstock_series('{100,NULL,50,0,0,20}', 0.5, normalized => true);
SELECT adstock_delayed_series('{1,0,0,0,0,0,0,0,0,0}', 0.5, 2);
SELECT adstock_binomial_series('{1,0,0,0,0,0,0,0,0,0}', 0.5);
SELECT adstock_weibull_series('{1,0,0,0,0,0,0,0,0,0}', 2, 4);
SELECT adstock_weibull_series('{1,0,0}', 9, 0.01) AS density_underflows, adstock_weibull_series('{1,0}', 1, 1, 0) AS one_weight;
SELECT adstock_series('{}', 0.5) AS empty, adstock_series(NULL, 0.5) IS NULL AS null_series, adstock_series('{1,2}', 0) AS no_decay,
       adstock_series('{1,2,3,4}', 1, 1) AS plain_sums;

-- Saturation
SELECT x, hill_saturation(x, 2), hill_saturation(x, 2, 3), logistic_saturation(x, 1), tanh_saturation(x, 2, 0.5),
       michaelis_menten_saturation(x, 10, 2) FROM unnest('{0,1,2,1e300}'::float8[]) AS x;
SELECT x, root_saturation(x, 0.5), inverse_scaled_logistic_saturation(x, 2), hill_sigmoid_saturation(x, 1, 2, 1),
       log1p_saturation(x) FROM unnest('{0,1,2,1e300}'::float8[]) AS x;
SELECT x, hill_saturation_derivative(x, 2), hill_saturation_derivative(x, 2, 3), logistic_saturation_derivative(x, 1),
       tanh_saturation_derivative(x, 2, 0.5), michaelis_menten_saturation_derivative(x, 10, 2)
FROM unnest('{0,1,2,1e300}'::float8[]) AS x;
SELECT x, root_saturation_derivative(x, 0.5), inverse_scaled_logistic_saturation_derivative(x, 2),
       hill_sigmoid_saturation_derivative(x, 1, 2, 1), log1p_saturation_derivative(x) FROM unnest('{0,1,2,1e300}'::float8[]) AS x;
SELECT hill_saturation(NULL, 2) IS NULL AND hill_saturation(1, NULL) IS NULL AS strict;

-- Refused, with the limit
SELECT adstock(spend, 1.0) FROM weeks;
SELECT adstock(spend, NULL) FROM weeks;
SELECT adstock(spend, 'NaN') FROM weeks;
SELECT adstock('NaN'::float8, 0.5);
SELECT adstock('inf'::float8, 0.5, 3, false);
SELECT adstock(spend, -0.1, 3, false) FROM weeks;
SELECT adstock(spend, 0.5, -1, false) FROM weeks;
SELECT adstock(spend, 0.5, 10001, false) FROM weeks;
SELECT adstock(spend, 0.5, 3, NULL) FROM weeks;
SELECT adstock(spend, 0.5, week, false) FROM weeks;
SELECT adstock_delayed(spend, 0.5, 4, 3, false) FROM weeks;
SELECT adstock_delayed(spend, -1, 1, 3, false) FROM weeks;
SELECT adstock_binomial(spend, 0.5, NULL, false) FROM weeks;
SELECT adstock_weibull(spend, 0, 1, 3, 'pdf', false) FROM weeks;
SELECT adstock_weibull(spend, 1, 'inf', 3, 'pdf', false) FROM weeks;
SELECT adstock_weibull(spend, 1, 1, 3, 'PDF', false) FROM weeks;
SELECT adstock_series('{{1,2},{3,4}}', 0.5);
SELECT adstock_series('{1,Infinity}', 0.5);
SELECT adstock_series('{1}', 2);
SELECT hill_saturation('NaN', 1);
SELECT hill_saturation(-1, 1);
SELECT hill_saturation(1, 0);
SELECT hill_saturation(1, 1, 'Infinity');
SELECT logistic_saturation(1, -2);
SELECT tanh_saturation(1, 0, 1);
SELECT michaelis_menten_saturation(1, -1, 1);
SELECT root_saturation_derivative(1, 0);
SELECT hill_sigmoid_saturation(1, 1, 1, -1);
SELECT log1p_saturation('-Infinity');

-- A long series can be cancelled.
SET statement_timeout = '100ms';
SELECT cardinality(adstock_delayed_series(array_fill(1::float8, ARRAY[3000000]), 0.9, 1, 10000));
RESET statement_timeout;
DROP EXTENSION attrib;
