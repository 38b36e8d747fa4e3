-- stitch_identity: connected ids, shared devices, and the same names whatever the order of rows.
CREATE EXTENSION attrib;
SET search_path = attrib, public;
\set VERBOSITY default

CREATE TABLE seen (n serial, device text, login text);
INSERT INTO seen (device, login) VALUES
  ('phone', NULL), ('phone', 'ann'), ('laptop', 'ann'), ('laptop', NULL),
  ('kiosk', 'ann'), ('kiosk', 'bob'), ('kiosk', 'bob'), ('kiosk', 'cy'), ('kiosk', NULL),
  ('tablet', 'bob'), ('tablet', 'bo'), ('watch', NULL), (NULL, 'dora'), (NULL, NULL), ('ann', NULL), ('', '');

SELECT n, device, login, stitch_identity(device, login) OVER () AS all_joined,
       stitch_identity(device, login, 3) OVER () AS three, stitch_identity(device, login, max_users => 2) OVER () AS two,
       stitch_identity(device, login, 1) OVER () AS one
FROM seen ORDER BY n;

-- Partitions do not know each other; a NULL limit is none.
SELECT n, stitch_identity(device, login, NULL) OVER (PARTITION BY n > 5 ORDER BY n DESC) FROM seen ORDER BY n;
SELECT stitch_identity(device, login) OVER () FROM seen WHERE false;

-- Any order, any frame, duplicates or not: the same person.
WITH pairs AS (SELECT 'd' || (i * 7919) % 3000 AS device, 'u' || (i * 104729) % 2500 AS login, i FROM generate_series(1, 4000) AS i),
     forward AS (SELECT device, login, stitch_identity(device, login, 2) OVER (ORDER BY i) AS person FROM pairs),
     backward AS (SELECT device, login, stitch_identity(device, login, 2) OVER (ORDER BY i DESC ROWS CURRENT ROW) AS person
                  FROM (SELECT * FROM pairs UNION ALL SELECT * FROM pairs) AS twice)
SELECT count(*) > 3000 AS many, bool_and(f.person = b.person) AS same
FROM forward AS f JOIN (SELECT DISTINCT * FROM backward) AS b USING (device, login);

-- As the transitive closure says it.
WITH RECURSIVE pairs AS (SELECT DISTINCT 'd' || i % 89 AS device, 'u' || (i * i) % 83 AS login FROM generate_series(1, 100) AS i),
     steps AS (SELECT DISTINCT a.login AS a, b.login AS b FROM pairs AS a JOIN pairs AS b USING (device)),
     closure AS (SELECT a, b FROM steps UNION SELECT c.a, s.b FROM closure AS c JOIN steps AS s ON c.b = s.a),
     least_login AS (SELECT a AS login, 'u:' || min(b COLLATE "C") AS person FROM closure GROUP BY a)
SELECT count(*), count(DISTINCT p.person) AS persons, count(*) FILTER (WHERE p.person <> l.person) AS wrong
FROM (SELECT login, stitch_identity(device, login) OVER () AS person FROM pairs) AS p JOIN least_login AS l USING (login);

-- Long and toasted ids, and rows that spill.
SET work_mem = '64kB';
SELECT count(*), count(DISTINCT person), max(length(person))
FROM (SELECT stitch_identity(repeat('x', 5000) || i % 500, CASE WHEN i % 2 = 0 THEN (i % 100)::text END) OVER () AS person
      FROM generate_series(1, 5000) AS i) AS t;
RESET work_mem;

-- Errors
SELECT stitch_identity('a', 'b', 0) OVER ();
SELECT stitch_identity('a', 'b', n) OVER () FROM seen;
SELECT stitch_identity(repeat('x', 70000), 'b') OVER ();
SELECT stitch_identity('a', 'b');
