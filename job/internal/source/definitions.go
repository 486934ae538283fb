package source

// clocksQuery sums up all that somebody made of functions, operators and casts, as the numbers of the transactions that
// wrote it: a row of the catalogue that is written again has another xmin. What calls what is hidden in the bodies of
// functions, and such definitions change rarely, so all of them count.
const clocksQuery = `SELECT concat_ws(' ',
  (SELECT count(*) || '/' || sum(d.xmin::text::int8) FROM pg_proc d WHERE d.oid >= 16384),
  (SELECT count(*) || '/' || sum(d.xmin::text::int8) FROM pg_operator d WHERE d.oid >= 16384),
  (SELECT count(*) || '/' || sum(d.xmin::text::int8) FROM pg_cast d WHERE d.oid >= 16384))`

// partsQuery sums up likewise what the result is made of and no plan shows: of the views, tables and types that the query
// or its plan name ($1), or that the result is made of ($2), and of what they are made of in turn, the columns and
// attributes, and the rules of views; and all collations, labels of enumerations, domains with their checks, and rules of text search. It is asked
// only of queries that call or are made of something: others it would cost a quarter of an idle run.
const partsQuery = `WITH RECURSIVE part(class, oid) AS (
  SELECT 'r', c.oid FROM pg_class c WHERE c.relname = ANY($1::name[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND c.relpersistence <> 't' AND c.oid >= 16384
  UNION SELECT 't', t.oid FROM pg_type t WHERE t.typname = ANY($1::name[]) AND t.typelem = 0 AND t.typrelid = 0 AND t.oid >= 16384
  UNION SELECT 't', p.prorettype FROM pg_proc p WHERE p.proname = ANY($1::name[]) AND p.oid >= 16384
  UNION SELECT 't', unnest($2::oid[])
  UNION SELECT next.class, next.oid FROM part CROSS JOIN LATERAL (
    SELECT 't', a.atttypid FROM pg_attribute a WHERE part.class = 'r' AND a.attrelid = part.oid AND a.attnum > 0 AND a.atttypid >= 16384
    UNION ALL SELECT CASE d.refclassid WHEN 1247 THEN 't' ELSE 'r' END, d.refobjid FROM pg_rewrite w JOIN pg_depend d ON d.classid = 2618 AND d.objid = w.oid
      WHERE part.class = 'r' AND w.ev_class = part.oid AND d.refclassid IN (1247, 1259) AND d.refobjid >= 16384
    UNION ALL SELECT CASE u.kind WHEN 1 THEN 'r' ELSE 't' END, u.oid FROM pg_type t CROSS JOIN LATERAL (VALUES (1, t.typrelid), (2, t.typelem), (2, t.typbasetype)) AS u(kind, oid)
      WHERE part.class = 't' AND t.oid = part.oid AND u.oid >= 16384
  ) AS next(class, oid))
SELECT concat_ws(' ',
  (SELECT count(*) || '/' || sum(d.xmin::text::int8) FROM pg_collation d WHERE d.oid >= 16384),
  (SELECT count(*) || '/' || sum(d.xmin::text::int8) FROM pg_enum d),
  (SELECT count(*) || '/' || sum(d.xmin::text::int8) FROM pg_type d WHERE d.typtype = 'd' AND d.oid >= 16384),
  (SELECT count(*) || '/' || sum(d.xmin::text::int8) FROM pg_constraint d WHERE d.contypid <> 0 AND d.oid >= 16384),
  (SELECT count(*) || '/' || sum(d.xmin::text::int8) FROM pg_ts_dict d WHERE d.oid >= 16384),
  (SELECT count(*) || '/' || sum(d.xmin::text::int8) FROM pg_ts_config_map d WHERE d.mapcfg >= 16384),
  (SELECT string_agg(concat_ws('/', part.oid, (SELECT string_agg(a.attnum || ':' || a.xmin::text, ',' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = part.oid AND a.attnum > 0),
    (SELECT string_agg(w.oid || ':' || w.xmin::text, ',' ORDER BY w.oid) FROM pg_rewrite w WHERE w.ev_class = part.oid)), ' ' ORDER BY part.oid)
    FROM part WHERE part.class = 'r'))`
