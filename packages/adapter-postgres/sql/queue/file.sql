-- Files what queue/finish marked in these leases into history.
CREATE OR REPLACE FUNCTION rdev.queue_file(p_tokens bigint[]) RETURNS void LANGUAGE plpgsql
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE v_progress boolean := EXISTS (SELECT FROM rdev.queue_progress);
BEGIN
  WITH gone AS (DELETE FROM rdev.queue_lease l WHERE l.token = ANY (p_tokens) AND l.ended_at IS NOT NULL RETURNING l.*)
  INSERT INTO rdev.queue_history (id, lane, priority, status, fence, worker, started_at, ended_at, payload, extra, state, progress)
  SELECT u.id, u.lane, u.priority, 1, g.token, g.worker, g.claimed_at, g.ended_at, u.payload, u.extra, u.state,
    CASE WHEN v_progress THEN (SELECT p.value FROM rdev.queue_progress p WHERE p.task = u.id AND p.fence = g.token) END
  FROM gone g, unnest(g.ids, g.lanes, g.priorities, g.payloads, g.extras, g.states) WITH ORDINALITY u(id, lane, priority, payload, extra, state, pos)
  WHERE get_bit(g.unfiled, u.pos::int - 1) = 1;
END $$;
