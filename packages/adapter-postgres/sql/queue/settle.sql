-- Ends single tasks. p_outcomes: 0 again, 1 completed, 2 failed, 3 cancelled. p_delays in milliseconds, -1 = parked. Returns the places
-- (from 1) of those accepted. Wakes workers as queue/finish does.
CREATE OR REPLACE FUNCTION rdev.queue_settle(p_tokens bigint[], p_ids uuid[], p_outcomes smallint[], p_results json[], p_progress json[], p_states json[], p_crashes int[], p_delays bigint[], p_awaits text[])
RETURNS int[] LANGUAGE plpgsql SET jit = off SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE v_accepted int[]; v_completed uuid[]; v_other uuid[]; v_again uuid[]; v_lanes int[]; v_soon boolean;
BEGIN
  WITH asked AS (
    SELECT a.* FROM unnest(p_tokens, p_ids, p_outcomes, p_results, p_progress, p_states, p_crashes, p_delays, p_awaits) WITH ORDINALITY a(token, id, outcome, result, progress, state, crashes, delay, awaits, place)
  ), l AS MATERIALIZED (SELECT e.* FROM rdev.queue_lease e WHERE e.token = ANY (p_tokens) ORDER BY e.token FOR UPDATE
  ), ok AS MATERIALIZED (
    SELECT a.*, u.pos::int AS pos, u.lane, u.priority, u.payload, u.extra, u.state AS before, l.worker, l.claimed_at,
      CASE WHEN a.outcome = 0 AND EXISTS (SELECT FROM rdev.queue_cancelling c WHERE c.task = a.id) THEN 3 ELSE a.outcome END AS final
    FROM l CROSS JOIN LATERAL unnest(l.ids, l.lanes, l.priorities, l.payloads, l.extras, l.states) WITH ORDINALITY u(id, lane, priority, payload, extra, state, pos)
      JOIN asked a ON a.token = l.token AND a.id = u.id
    WHERE get_bit(l.done, u.pos::int - 1) = 0
  ), marked AS (
    UPDATE rdev.queue_lease e SET done = e.done | m.bits
    FROM (SELECT token, bit_or(set_bit(repeat('0', 512)::bit(512), pos - 1, 1)) AS bits FROM ok GROUP BY token) m WHERE e.token = m.token
  ), kept AS (
    INSERT INTO rdev.queue_history (id, lane, priority, status, fence, worker, started_at, ended_at, payload, extra, state, result, progress)
    SELECT id, lane, priority, final, token, worker, claimed_at, clock_timestamp(), payload, extra, CASE WHEN final = 1 THEN before ELSE state END, result,
      coalesce(progress, CASE WHEN final = 1 THEN (SELECT p.value FROM rdev.queue_progress p WHERE p.task = id AND p.fence = token) END) FROM ok WHERE final > 0
  ), soon AS (
    INSERT INTO rdev.queue_ready (lane, priority, id, fence, payload, extra, state)
    SELECT rdev.queue_lane_of_crashes(lane, crashes), priority, id, token, payload, extra, state FROM ok WHERE final = 0 AND delay = 0
  ), waiting AS (
    INSERT INTO rdev.queue_later (id, run_at, lane, priority, fence, payload, extra, state, awaits)
    SELECT id, CASE WHEN delay < 0 THEN 'infinity' ELSE clock_timestamp() + delay * interval '1 millisecond' END, rdev.queue_lane_of_crashes(lane, crashes), priority, token, payload, extra, state, awaits FROM ok WHERE final = 0 AND delay <> 0
  )
  SELECT array_agg(place::int), array_agg(id) FILTER (WHERE final = 1), array_agg(id) FILTER (WHERE final IN (2, 3)), array_agg(id) FILTER (WHERE final = 0), array_agg(lane), bool_or(final = 0 AND delay = 0)
    INTO v_accepted, v_completed, v_other, v_again, v_lanes, v_soon FROM ok;
  DELETE FROM rdev.queue_lease e WHERE e.token = ANY (p_tokens) AND e.ended_at IS NULL AND bit_count(e.done) = cardinality(e.ids);
  IF v_soon THEN PERFORM pg_notify('rdev_queue', 'work'); ELSE PERFORM rdev.queue_make_room(v_lanes); END IF;
  IF v_again IS NOT NULL THEN DELETE FROM rdev.queue_progress WHERE task = ANY (v_again); END IF;
  PERFORM rdev.queue_ended(v_completed, v_other);
  RETURN coalesce(v_accepted, '{}');
END $$;
