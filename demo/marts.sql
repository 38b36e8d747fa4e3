-- What `make demo` shows of the marts that the dbt package built.
SET client_min_messages = warning;
\pset border 1
\pset linestyle unicode
\pset footer off
\pset null ''
SET search_path = marts, public;

\echo :bold'Credit and spend by channel, from attrib__channel_daily':plain
\echo
SELECT channel, round(sum(spend)) AS spend,
       (sum(conversions) FILTER (WHERE model = 'last_touch'))::numeric(8, 1) AS last_touch,
       (sum(conversions) FILTER (WHERE model = 'markov_path'))::numeric(8, 1) AS markov_path,
       (sum(revenue) FILTER (WHERE model = 'last_touch') / nullif(sum(spend) FILTER (WHERE model = 'last_touch'), 0))::numeric(6, 2) AS roas_last_touch,
       (sum(revenue) FILTER (WHERE model = 'markov_path') / nullif(sum(spend) FILTER (WHERE model = 'markov_path'), 0))::numeric(6, 2) AS roas_markov
FROM (SELECT channel, model, sum(conversions) AS conversions, sum(revenue) AS revenue, sum(spend) AS spend
      FROM attrib__channel_daily WHERE date_basis = 'conversion' AND model IN ('last_touch', 'markov_path')
      GROUP BY channel, model) AS t
GROUP BY channel ORDER BY markov_path DESC;

\echo :bold'Three kinds of evidence, from attrib__triangulation':plain
\echo
SELECT channel, round(last_touch_share::numeric, 3) AS last_touch, round(markov_share::numeric, 3) AS markov,
       round(markov_share_low::numeric, 3) || ' - ' || round(markov_share_high::numeric, 3) AS "95%",
       round(mmm_roas::numeric, 2) AS mmm_roas, round(mmm_roas_low::numeric, 2) || ' - ' || round(mmm_roas_high::numeric, 2) AS "90%"
FROM attrib__triangulation WHERE spend > 0 ORDER BY markov_share DESC;

\echo :bold'The best plan of today\'s total, from mmm__budget_plan':plain
\echo
SELECT channel, round(current_spend) AS today, round(optimal_spend) AS best, round(lift) AS lift, round(max(upper_bound) OVER ()) AS upper_bound
FROM mmm__budget_plan WHERE scenario = 'same_total' ORDER BY channel;
