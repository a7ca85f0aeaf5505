-- Ends whole leases in which everything left completed without a result. Returns the tokens that were still held.
--
-- Such a lease is only marked, with one small update. Its tasks are filed into history a moment later, many together (queue/file):
-- written one by one, as they end, records with their indexes would cost more than all the rest of the task. A task is completed as soon
-- as it is marked (bit n of done is set as for any other end, so it is not running either), and every reader looks in both places.
--
-- Workers are woken for what an end lets run: a dependent that waits for nothing more, a task that is tried again at once, another of
-- the same concurrency key or of a project that runs as many as it may. On the embedded engine every end rings anyway.
CREATE OR REPLACE FUNCTION rdev.queue_finish(p_tokens bigint[]) RETURNS bigint[] LANGUAGE plpgsql
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE v_tokens bigint[]; v_ids uuid[]; v_limits boolean; v_progress boolean; v_follow boolean;
BEGIN
  WITH marked AS (
    UPDATE rdev.queue_lease l SET unfiled = rdev.queue_first_bits(cardinality(l.ids)) & ~l.done, done = rdev.queue_first_bits(cardinality(l.ids)), ended_at = clock_timestamp()
    WHERE l.token = ANY (p_tokens) AND l.ended_at IS NULL RETURNING l.token)
  SELECT array_agg(m.token),
    EXISTS (SELECT FROM rdev.queue_lane WHERE concurrency_key IS NOT NULL) OR EXISTS (SELECT FROM rdev.queue_project WHERE max_running IS NOT NULL),
    EXISTS (SELECT FROM rdev.queue_progress),
    -- The usual end has nothing to follow up, and asking so costs less than the call.
    EXISTS (SELECT FROM rdev.queue_key) OR EXISTS (SELECT FROM rdev.queue_cancelling) OR EXISTS (SELECT FROM rdev.queue_dep)
    INTO v_tokens, v_limits, v_progress, v_follow FROM marked m;
  IF v_limits THEN PERFORM rdev.queue_make_room((SELECT array_agg(DISTINCT u.lane) FROM rdev.queue_lease l, unnest(l.lanes) u(lane) WHERE l.token = ANY (v_tokens))); END IF;
  IF v_progress OR v_follow THEN
    SELECT array_agg(u.id) INTO v_ids FROM rdev.queue_lease l, unnest(l.ids) WITH ORDINALITY u(id, pos)
      WHERE l.token = ANY (v_tokens) AND get_bit(l.unfiled, u.pos::int - 1) = 1;
    -- Progress goes with the end; the record takes it along.
    IF v_progress THEN PERFORM rdev.queue_file(v_tokens); END IF;
    PERFORM rdev.queue_ended(v_ids, '{}');
  END IF;
  RETURN coalesce(v_tokens, '{}');
END $$;
