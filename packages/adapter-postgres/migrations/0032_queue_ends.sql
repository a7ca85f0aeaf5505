-- Ends, as in 0023, in two steps and with wake-ups.
--
-- A lease in which everything left completed is only marked, with one small update. Its tasks are filed into history a moment later,
-- many together: written one by one, as they end, records with their indexes would cost more than all the rest of the task. A task is
-- completed as soon as it is marked (bit n of done is set as for any other end, so it is not running either), and every reader looks
-- in both places.
--
-- Workers are woken for what an end lets run: a dependent that waits for nothing more, a task that is tried again at once, another of
-- the same concurrency key or of a project that runs as many as it may. On the embedded engine every end rings anyway.
ALTER TABLE queue.lease
  ADD ended_at timestamptz,                     -- set when everything left completed
  ADD unfiled bit(512);                         -- bit n says that task n completed with the lease and is not in history yet

-- The first p_n bits set.
CREATE FUNCTION queue.first_bits(p_n int) RETURNS bit(512) LANGUAGE sql IMMUTABLE AS $$
  SELECT rpad(repeat('1', p_n), 512, '0')::bit(512) $$;

-- 0 pending, 1 completed, 2 failed, 3 cancelled, 4 running, null = no such task.
CREATE OR REPLACE FUNCTION queue.status_of(p_id uuid) RETURNS int LANGUAGE sql STABLE AS $$
  SELECT coalesce(
    (SELECT status::int FROM queue.history WHERE id = p_id LIMIT 1),
    (SELECT 0 FROM queue.later WHERE id = p_id),
    (SELECT 1 FROM queue.lease WHERE p_id = ANY (ids) AND ended_at IS NOT NULL AND get_bit(unfiled, array_position(ids, p_id) - 1) = 1 LIMIT 1),
    (SELECT 4 FROM queue.lease WHERE p_id = ANY (ids) AND get_bit(done, array_position(ids, p_id) - 1) = 0 LIMIT 1),
    (SELECT 0 FROM queue.places() p JOIN queue.ready r ON r.lane = p.o_lane AND r.priority = p.o_priority AND r.id = p_id LIMIT 1)) $$;

-- Wakes workers if the end of tasks in these lanes makes room under a limit.
CREATE FUNCTION queue.make_room(p_lanes int[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM queue.lane l JOIN queue.project p ON p.no = l.project WHERE l.no = ANY (p_lanes) AND (l.concurrency_key IS NOT NULL OR p.max_running IS NOT NULL)) THEN
    PERFORM pg_notify('rdev_queue', 'work');
  END IF;
END $$;

-- Follows up tasks that ended: keys are given back, marks removed, dependents started or failed, theirs too.
CREATE OR REPLACE FUNCTION queue.ended(p_completed uuid[], p_other uuid[]) RETURNS void LANGUAGE plpgsql
SET jit = off SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE v_completed uuid[] := coalesce(p_completed, '{}'); v_other uuid[] := coalesce(p_other, '{}'); v_all uuid[];
BEGIN
  LOOP
    v_all := v_completed || v_other;
    IF EXISTS (SELECT FROM queue.key) THEN DELETE FROM queue.key WHERE task = ANY (v_all); END IF;
    IF EXISTS (SELECT FROM queue.cancelling) THEN DELETE FROM queue.cancelling WHERE task = ANY (v_all); END IF;
    IF EXISTS (SELECT FROM queue.progress) THEN DELETE FROM queue.progress WHERE task = ANY (v_all); END IF;
    EXIT WHEN NOT EXISTS (SELECT FROM queue.dep);
    WITH done AS (DELETE FROM queue.dep WHERE on_task = ANY (v_completed) RETURNING task),
    counted AS (SELECT task, count(*)::int AS n FROM done GROUP BY task)
    UPDATE queue.later l SET waits = l.waits - c.n FROM counted c WHERE l.id = c.task;
    WITH go AS (DELETE FROM queue.later WHERE waits = 0 AND run_at = '-infinity' RETURNING *)
    INSERT INTO queue.ready (lane, priority, id, fence, payload, extra, state) SELECT lane, priority, id, fence, payload, extra, state FROM go;
    IF FOUND THEN PERFORM pg_notify('rdev_queue', 'work'); END IF;
    EXIT WHEN v_other = '{}';
    WITH failed AS (DELETE FROM queue.dep WHERE on_task = ANY (v_other) RETURNING task, on_task),
    one AS (SELECT DISTINCT ON (task) task, on_task FROM failed ORDER BY task, on_task),
    gone AS (DELETE FROM queue.later l USING one o WHERE l.id = o.task RETURNING l.*, o.on_task),
    kept AS (INSERT INTO queue.history (id, lane, priority, status, fence, ended_at, payload, extra, state, blocked_by)
      SELECT id, lane, priority, 2, fence, clock_timestamp(), payload, extra, state, on_task FROM gone RETURNING id)
    SELECT coalesce(array_agg(id), '{}') INTO v_other FROM kept;
    v_completed := '{}';
    DELETE FROM queue.dep WHERE task = ANY (v_other);
    EXIT WHEN v_other = '{}';
  END LOOP;
END $$;

-- Files what was marked in these leases.
CREATE FUNCTION queue.file(p_tokens bigint[]) RETURNS void LANGUAGE plpgsql
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE v_progress boolean := EXISTS (SELECT FROM queue.progress);
BEGIN
  WITH gone AS (DELETE FROM queue.lease l WHERE l.token = ANY (p_tokens) AND l.ended_at IS NOT NULL RETURNING l.*)
  INSERT INTO queue.history (id, lane, priority, status, fence, worker, started_at, ended_at, payload, extra, state, progress)
  SELECT u.id, u.lane, u.priority, 1, g.token, g.worker, g.claimed_at, g.ended_at, u.payload, u.extra, u.state,
    CASE WHEN v_progress THEN (SELECT p.value FROM queue.progress p WHERE p.task = u.id AND p.fence = g.token) END
  FROM gone g, unnest(g.ids, g.lanes, g.priorities, g.payloads, g.extras, g.states) WITH ORDINALITY u(id, lane, priority, payload, extra, state, pos)
  WHERE get_bit(g.unfiled, u.pos::int - 1) = 1;
END $$;

-- Whole leases in which everything left completed without a result. Returns the tokens that were still held.
CREATE OR REPLACE FUNCTION queue.finish(p_tokens bigint[]) RETURNS bigint[] LANGUAGE plpgsql
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE v_tokens bigint[]; v_lanes int[]; v_ids uuid[];
BEGIN
  WITH marked AS (
    UPDATE queue.lease l SET unfiled = queue.first_bits(cardinality(l.ids)) & ~l.done, done = queue.first_bits(cardinality(l.ids)), ended_at = clock_timestamp()
    WHERE l.token = ANY (p_tokens) AND l.ended_at IS NULL RETURNING l.token, l.lanes)
  SELECT (SELECT array_agg(m.token) FROM marked m), array_agg(DISTINCT u.lane) INTO v_tokens, v_lanes FROM marked m, unnest(m.lanes) u(lane);
  PERFORM queue.make_room(v_lanes);
  -- The usual end has nothing to follow up, and asking so costs less than the call.
  IF EXISTS (SELECT FROM queue.progress) OR EXISTS (SELECT FROM queue.key) OR EXISTS (SELECT FROM queue.cancelling) OR EXISTS (SELECT FROM queue.dep) THEN
    SELECT array_agg(u.id) INTO v_ids FROM queue.lease l, unnest(l.ids) WITH ORDINALITY u(id, pos)
      WHERE l.token = ANY (v_tokens) AND get_bit(l.unfiled, u.pos::int - 1) = 1;
    -- Progress goes with the end; the record takes it along.
    IF EXISTS (SELECT FROM queue.progress) THEN PERFORM queue.file(v_tokens); END IF;
    PERFORM queue.ended(v_ids, '{}');
  END IF;
  RETURN coalesce(v_tokens, '{}');
END $$;

-- Single tasks. p_outcomes: 0 again, 1 completed, 2 failed, 3 cancelled. p_delays in milliseconds, -1 = parked. Returns the places (from 1) of those accepted.
CREATE OR REPLACE FUNCTION queue.settle(p_tokens bigint[], p_ids uuid[], p_outcomes smallint[], p_results json[], p_progress json[], p_states json[], p_crashes int[], p_delays bigint[], p_awaits text[])
RETURNS int[] LANGUAGE plpgsql SET jit = off SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE v_accepted int[]; v_completed uuid[]; v_other uuid[]; v_again uuid[]; v_lanes int[]; v_soon boolean;
BEGIN
  WITH asked AS (
    SELECT a.* FROM unnest(p_tokens, p_ids, p_outcomes, p_results, p_progress, p_states, p_crashes, p_delays, p_awaits) WITH ORDINALITY a(token, id, outcome, result, progress, state, crashes, delay, awaits, place)
  ), l AS MATERIALIZED (SELECT e.* FROM queue.lease e WHERE e.token = ANY (p_tokens) ORDER BY e.token FOR UPDATE
  ), ok AS MATERIALIZED (
    SELECT a.*, u.pos::int AS pos, u.lane, u.priority, u.payload, u.extra, u.state AS before, l.worker, l.claimed_at,
      CASE WHEN a.outcome = 0 AND EXISTS (SELECT FROM queue.cancelling c WHERE c.task = a.id) THEN 3 ELSE a.outcome END AS final
    FROM l CROSS JOIN LATERAL unnest(l.ids, l.lanes, l.priorities, l.payloads, l.extras, l.states) WITH ORDINALITY u(id, lane, priority, payload, extra, state, pos)
      JOIN asked a ON a.token = l.token AND a.id = u.id
    WHERE get_bit(l.done, u.pos::int - 1) = 0
  ), marked AS (
    UPDATE queue.lease e SET done = e.done | m.bits
    FROM (SELECT token, bit_or(set_bit(repeat('0', 512)::bit(512), pos - 1, 1)) AS bits FROM ok GROUP BY token) m WHERE e.token = m.token
  ), kept AS (
    INSERT INTO queue.history (id, lane, priority, status, fence, worker, started_at, ended_at, payload, extra, state, result, progress)
    SELECT id, lane, priority, final, token, worker, claimed_at, clock_timestamp(), payload, extra, CASE WHEN final = 1 THEN before ELSE state END, result,
      coalesce(progress, CASE WHEN final = 1 THEN (SELECT p.value FROM queue.progress p WHERE p.task = id AND p.fence = token) END) FROM ok WHERE final > 0
  ), soon AS (
    INSERT INTO queue.ready (lane, priority, id, fence, payload, extra, state)
    SELECT queue.lane_of_crashes(lane, crashes), priority, id, token, payload, extra, state FROM ok WHERE final = 0 AND delay = 0
  ), waiting AS (
    INSERT INTO queue.later (id, run_at, lane, priority, fence, payload, extra, state, awaits)
    SELECT id, CASE WHEN delay < 0 THEN 'infinity' ELSE clock_timestamp() + delay * interval '1 millisecond' END, queue.lane_of_crashes(lane, crashes), priority, token, payload, extra, state, awaits FROM ok WHERE final = 0 AND delay <> 0
  )
  SELECT array_agg(place::int), array_agg(id) FILTER (WHERE final = 1), array_agg(id) FILTER (WHERE final IN (2, 3)), array_agg(id) FILTER (WHERE final = 0), array_agg(lane), bool_or(final = 0 AND delay = 0)
    INTO v_accepted, v_completed, v_other, v_again, v_lanes, v_soon FROM ok;
  DELETE FROM queue.lease e WHERE e.token = ANY (p_tokens) AND e.ended_at IS NULL AND bit_count(e.done) = cardinality(e.ids);
  IF v_soon THEN PERFORM pg_notify('rdev_queue', 'work'); ELSE PERFORM queue.make_room(v_lanes); END IF;
  IF v_again IS NOT NULL THEN DELETE FROM queue.progress WHERE task = ANY (v_again); END IF;
  PERFORM queue.ended(v_completed, v_other);
  RETURN coalesce(v_accepted, '{}');
END $$;
