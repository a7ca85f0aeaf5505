-- Follows up tasks that ended: keys are given back, marks removed, dependents started or failed, theirs too.
CREATE OR REPLACE FUNCTION rdev.queue_ended(p_completed uuid[], p_other uuid[]) RETURNS void LANGUAGE plpgsql
SET jit = off SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE v_completed uuid[] := coalesce(p_completed, '{}'); v_other uuid[] := coalesce(p_other, '{}'); v_all uuid[];
BEGIN
  LOOP
    v_all := v_completed || v_other;
    IF EXISTS (SELECT FROM rdev.queue_key) THEN DELETE FROM rdev.queue_key WHERE task = ANY (v_all); END IF;
    IF EXISTS (SELECT FROM rdev.queue_cancelling) THEN DELETE FROM rdev.queue_cancelling WHERE task = ANY (v_all); END IF;
    IF EXISTS (SELECT FROM rdev.queue_progress) THEN DELETE FROM rdev.queue_progress WHERE task = ANY (v_all); END IF;
    EXIT WHEN NOT EXISTS (SELECT FROM rdev.queue_dep);
    WITH done AS (DELETE FROM rdev.queue_dep WHERE on_task = ANY (v_completed) RETURNING task),
    counted AS (SELECT task, count(*)::int AS n FROM done GROUP BY task)
    UPDATE rdev.queue_later l SET waits = l.waits - c.n FROM counted c WHERE l.id = c.task;
    WITH go AS (DELETE FROM rdev.queue_later WHERE waits = 0 AND run_at = '-infinity' RETURNING *)
    INSERT INTO rdev.queue_ready (lane, priority, id, fence, payload, extra, state) SELECT lane, priority, id, fence, payload, extra, state FROM go;
    IF FOUND THEN PERFORM pg_notify('rdev_queue', 'work'); END IF;
    EXIT WHEN v_other = '{}';
    WITH failed AS (DELETE FROM rdev.queue_dep WHERE on_task = ANY (v_other) RETURNING task, on_task),
    one AS (SELECT DISTINCT ON (task) task, on_task FROM failed ORDER BY task, on_task),
    gone AS (DELETE FROM rdev.queue_later l USING one o WHERE l.id = o.task RETURNING l.*, o.on_task),
    kept AS (INSERT INTO rdev.queue_history (id, lane, priority, status, fence, ended_at, payload, extra, state, blocked_by)
      SELECT id, lane, priority, 2, fence, clock_timestamp(), payload, extra, state, on_task FROM gone RETURNING id)
    SELECT coalesce(array_agg(id), '{}') INTO v_other FROM kept;
    v_completed := '{}';
    DELETE FROM rdev.queue_dep WHERE task = ANY (v_other);
    EXIT WHEN v_other = '{}';
  END LOOP;
END $$;
