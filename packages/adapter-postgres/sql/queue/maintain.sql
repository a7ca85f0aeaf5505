-- Makes due tasks runnable, at most p_n, by one caller at a time; and looks again at dependencies noted in the last ten seconds, whose
-- task may have ended while they were written. Returns milliseconds until the next is due (null = none) and whether tasks wait that
-- are handed out apart.
CREATE OR REPLACE FUNCTION rdev.queue_maintain(p_n int, OUT o_due float8, OUT o_quarantined boolean, OUT o_promoted int) LANGUAGE plpgsql
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE v_completed uuid[]; v_other uuid[];
BEGIN
  o_promoted := 0;
  IF pg_try_advisory_xact_lock('rdev.queue_lease'::regclass::int, 3) THEN
    WITH due AS (DELETE FROM rdev.queue_later WHERE id = ANY (ARRAY(
        SELECT l.id FROM rdev.queue_later l WHERE l.waits = 0 AND l.run_at <= clock_timestamp() ORDER BY l.run_at, l.id LIMIT p_n FOR UPDATE SKIP LOCKED)) RETURNING *),
    moved AS (INSERT INTO rdev.queue_ready (lane, priority, id, fence, payload, extra, state) SELECT lane, priority, id, fence, payload, extra, state FROM due RETURNING 1)
    SELECT count(*) INTO o_promoted FROM moved;
    IF EXISTS (SELECT FROM rdev.queue_dep WHERE at > clock_timestamp() - interval '10 seconds') THEN
      SELECT array_agg(d.on_task) FILTER (WHERE d.status = 1), array_agg(d.on_task) FILTER (WHERE d.status IN (2, 3)) INTO v_completed, v_other
      FROM (SELECT x.on_task, rdev.queue_status_of(x.on_task) AS status FROM (
        SELECT DISTINCT on_task FROM rdev.queue_dep WHERE at > clock_timestamp() - interval '10 seconds' LIMIT 1000) x) d;
      PERFORM rdev.queue_ended(v_completed, v_other);
    END IF;
  END IF;
  SELECT extract(epoch FROM l.run_at - clock_timestamp()) * 1000 INTO o_due FROM rdev.queue_later l
    WHERE l.waits = 0 AND l.run_at > '-infinity' AND l.run_at < 'infinity' ORDER BY l.run_at, l.id LIMIT 1;
  PERFORM FROM rdev.queue_lane l CROSS JOIN LATERAL (SELECT FROM rdev.queue_ready r WHERE r.lane = l.no LIMIT 1) x WHERE l.suspect > 0 LIMIT 1;
  o_quarantined := FOUND;
END $$;
