-- Where tasks are in ready: its lanes and priorities by a skip scan, so that looking one up by id needs no index of its own.
CREATE OR REPLACE FUNCTION rdev.queue_places() RETURNS TABLE (o_lane int, o_priority smallint) LANGUAGE sql STABLE SET enable_seqscan = off SET enable_bitmapscan = off AS $$
  WITH RECURSIVE t AS (
    (SELECT lane, priority FROM rdev.queue_ready ORDER BY lane, priority LIMIT 1)
    UNION ALL
    SELECT n.lane, n.priority FROM t CROSS JOIN LATERAL (SELECT r.lane, r.priority FROM rdev.queue_ready r WHERE (r.lane, r.priority) > (t.lane, t.priority) ORDER BY r.lane, r.priority LIMIT 1) n
  ) SELECT lane, priority FROM t $$;
