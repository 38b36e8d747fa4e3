-- What every object of the extension must be, read from the catalogs.
\set docs `cat README.md docs/*.md 2>/dev/null`
SET client_min_messages = warning;
BEGIN;
SELECT plan(18);

CREATE TEMP VIEW member AS
SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS object
FROM pg_depend AS d
WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'attrib');

CREATE TEMP VIEW routine AS
SELECT m.object, p.*
FROM member AS m JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid;

CREATE TEMP VIEW aggregate AS
SELECT r.object, a.*
FROM routine AS r JOIN pg_aggregate AS a ON a.aggfnoid = r.oid;

-- Functions that only types, operators, casts and aggregates call.
CREATE TEMP VIEW support AS
SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze]::oid[]) AS oid
FROM pg_type JOIN member ON classid = 'pg_type'::regclass AND objid = pg_type.oid
UNION SELECT oprcode FROM pg_operator JOIN member ON classid = 'pg_operator'::regclass AND objid = pg_operator.oid
UNION SELECT unnest(ARRAY[oprrest, oprjoin]::oid[]) FROM pg_operator
      JOIN member ON classid = 'pg_operator'::regclass AND objid = pg_operator.oid
UNION SELECT amproc FROM pg_amproc
UNION SELECT castfunc FROM pg_cast
UNION SELECT unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn, aggminvtransfn,
                          aggmfinalfn]::oid[]) FROM aggregate;

CREATE TEMP VIEW called_by_users AS SELECT * FROM routine WHERE oid NOT IN (SELECT oid FROM support);

-- Where things are
SELECT isnt_empty('SELECT * FROM routine', 'the extension has functions');
SELECT is_empty($$SELECT object FROM routine WHERE pronamespace <> 'attrib'::regnamespace$$,
                'every function lives in schema attrib');
SELECT is_empty($$SELECT typname FROM pg_type JOIN member ON classid = 'pg_type'::regclass AND objid = pg_type.oid
                  WHERE typnamespace <> 'attrib'::regnamespace$$, 'every type lives in schema attrib');
SELECT is_empty($$SELECT oprname FROM pg_operator JOIN member ON classid = 'pg_operator'::regclass AND objid = pg_operator.oid
                  WHERE oprnamespace <> 'attrib'::regnamespace$$, 'every operator lives in schema attrib');
SELECT results_eq($$SELECT extrelocatable, extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'attrib'$$,
                  $$VALUES (false, 'attrib')$$, 'the extension itself sits in schema attrib and stays there');
SELECT ok((SELECT bool_and(trusted) FROM pg_available_extension_versions WHERE name = 'attrib'), 'it is trusted');

-- What they say
SELECT is_empty($$SELECT object FROM member WHERE classid <> 'pg_opfamily'::regclass AND classid <> 'pg_cast'::regclass
                  AND NOT EXISTS (SELECT FROM pg_type WHERE oid = objid AND typcategory = 'A') -- members from 18 on
                  AND obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)) IS NULL$$,
                'every object has a comment');
SELECT is_empty($$SELECT object FROM called_by_users
                  WHERE pronargs > 1 AND (proargnames IS NULL OR '' = ANY (proargnames[1:pronargs]))$$,
                'every argument that has company has a name');
SELECT is_empty(format($$SELECT DISTINCT proname FROM called_by_users WHERE strpos(%L, proname) = 0$$, :'docs'),
                'the documentation names every function that users call');

-- How they are marked
SELECT is_empty($$SELECT object FROM routine WHERE proparallel <> 's'$$, 'everything is parallel safe');
SELECT is_empty($$SELECT object FROM routine WHERE prokind = 'f' AND provolatile = 'v'
                  AND proname NOT IN ('mmm_fit', 'mmm_candidates', 'optimize_budget', 'budget_frontier',
                                      'optimize_flighting')$$,
                'only what may take long is volatile, so as not to run at plan time');
SELECT is_empty($$SELECT object FROM routine WHERE prosecdef OR proleakproof$$,
                'nothing runs with its owner''s rights or claims to be leakproof');
SELECT is_empty($$SELECT object FROM routine JOIN pg_language AS l ON l.oid = prolang
                  WHERE lanname NOT IN ('c', 'internal') AND prosqlbody IS NULL
                    AND NOT coalesce(array_to_string(proconfig, ',') LIKE '%search_path=%', false)$$,
                'no body depends on the caller''s search_path');
SELECT is_empty($$SELECT object FROM routine WHERE proretset AND prorows = 1000$$,
                'every set-returning function estimates its rows');

-- Aggregates
SELECT is_empty($$SELECT a.object FROM aggregate AS a JOIN pg_proc AS p
                  ON p.oid IN (a.aggserialfn, a.aggdeserialfn) WHERE NOT p.proisstrict$$,
                'serial and deserial functions are strict');
SELECT is_empty($$SELECT a.object FROM aggregate AS a JOIN pg_proc AS p
                  ON p.oid IN (a.aggtransfn, a.aggcombinefn) WHERE p.proisstrict$$,
                'transition and combine functions are not');
SELECT is_empty($$SELECT object FROM aggregate
                  WHERE aggtranstype IN (SELECT objid FROM member UNION SELECT 'internal'::regtype::oid) AND aggtransspace = 0$$,
                'states that grow say how large they are');

-- What indexes and joins call, against the operators and the bytes
CREATE TEMP TABLE two AS
SELECT attrib.journey_summary_agg('{a}'::text[], true) AS a, attrib.journey_summary_agg('{b}'::text[], true) AS b,
       attrib.journey_summary_agg('{b}'::text[], true) AS c;
SELECT results_eq($$SELECT x, attrib.journey_summary_eq(a, x), attrib.journey_summary_ne(a, x), attrib.journey_summary_lt(a, x), attrib.journey_summary_le(a, x),
                           attrib.journey_summary_gt(a, x), attrib.journey_summary_ge(a, x), sign(attrib.journey_summary_cmp(a, x)),
                           attrib.journey_summary_hash(b) = attrib.journey_summary_hash(c), attrib.journey_summary_hash_extended(b, 7) = attrib.journey_summary_hash_extended(c, 7)
                    FROM two, unnest(ARRAY[a, b]) AS x$$,
                  $$SELECT x, a OPERATOR(attrib.=) x, a OPERATOR(attrib.<>) x, a OPERATOR(attrib.<) x, a OPERATOR(attrib.<=) x, a OPERATOR(attrib.>) x, a OPERATOR(attrib.>=) x,
                           CASE WHEN x::text = a::text THEN 0 WHEN attrib.journey_summary_send(a) < attrib.journey_summary_send(x) THEN -1 ELSE 1 END::float8,
                           true, true FROM two, unnest(ARRAY[a, b]) AS x$$,
                  'comparison and hash functions say what the operators say');

SELECT * FROM finish();
ROLLBACK;
