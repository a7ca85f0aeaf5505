-- Starts what waits for this capacity. Returns how many tasks.
CREATE OR REPLACE FUNCTION rdev.queue_release(p_resource text) RETURNS int LANGUAGE sql AS $$
  WITH go AS (DELETE FROM rdev.queue_later WHERE awaits = p_resource AND waits = 0 AND run_at < 'infinity' RETURNING *),
  moved AS (INSERT INTO rdev.queue_ready (lane, priority, id, fence, payload, extra, state) SELECT lane, priority, id, fence, payload, extra, state FROM go RETURNING 1)
  SELECT count(*)::int FROM moved $$;
