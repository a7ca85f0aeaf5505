-- queue.claim as in 0022, which also says whether another claim may find more at once (o_more), so that a worker that took the last
-- task asks no second time.
DROP FUNCTION queue.claim(uuid, int, text[], text[], boolean, int, int[], smallint[], uuid[]);

-- Leases up to p_n tasks (at most 500) to a worker. One claimer at a time: no row is locked and nothing locked has to be skipped.
-- The session runs with synchronous_commit = off: a claim lost in a server crash leaves its tasks in ready, and its holder is
-- fenced because the lease is gone.
--
-- p_lanes null: looks for lanes with work by a skip scan after p_after, 64 at a time until one is eligible, at most 1024. Else only
-- those lanes, and of each only rows after the caller's mark (p_priorities, p_ids): this never walks the dead entries at the head of
-- the index, which a held snapshot keeps vacuum from removing. The caller makes a full claim when such a one comes back short, and
-- often enough that rows which appear behind a mark do not wait long.
--
-- Answers with one row: where the scan ended, whether there may be more and, if there was anything, the batch as texts, column by
-- column and in no order: a row per task would cost both sides more than the rest of the claim. Arrays are in array syntax, payloads, extras and states JSON arrays
-- (null when none has any). No row at all: the worker's lease has ended.
CREATE FUNCTION queue.claim(p_worker uuid, p_n int, p_kinds text[], p_labels text[], p_suspects boolean, p_after int, p_lanes int[], p_priorities smallint[], p_ids uuid[])
RETURNS TABLE (o_after int, o_more boolean, o_token bigint, o_ids text, o_lanes text, o_priorities text, o_payloads text, o_extras text, o_states text) LANGUAGE plpgsql
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  v_lanes int[]; v_lane int := p_after; v_wrapped boolean := false; v_tries int := 0; v_now timestamptz;
  v_tids tid[]; v_plain boolean; v_n int := least(p_n, 500); v_per int; v_once boolean; v_more boolean := true;
BEGIN
  PERFORM pg_advisory_xact_lock(7001, 1);
  v_now := clock_timestamp();
  PERFORM FROM queue.worker w WHERE w.id = p_worker AND w.expires_at > v_now;
  IF NOT FOUND THEN RETURN; END IF;
  LOOP
    v_tries := v_tries + 1;
    IF p_lanes IS NOT NULL THEN v_lanes := p_lanes;
    ELSE
      v_lanes := '{}';
      LOOP
        SELECT r.lane INTO v_lane FROM queue.ready r WHERE r.lane > v_lane ORDER BY r.lane LIMIT 1;
        IF v_lane IS NULL THEN
          v_lane := -1;
          v_more := NOT v_wrapped;
          EXIT WHEN v_wrapped;
          v_wrapped := true;
          CONTINUE;
        END IF;
        v_more := NOT (v_wrapped AND v_lane > p_after);
        EXIT WHEN NOT v_more;
        v_lanes := v_lanes || v_lane;
        EXIT WHEN cardinality(v_lanes) >= 64;
      END LOOP;
    END IF;
    -- Plain: one project per lane and no limit anywhere, so that places need no counting.
    SELECT array_agg(l.no), bool_and(l.concurrency_key IS NULL AND p.max_running IS NULL) AND count(*) = count(DISTINCT l.project), bool_or(l.suspect = 1)
      INTO v_lanes, v_plain, v_once
      FROM queue.lane l JOIN queue.project p ON p.no = l.project
      WHERE l.no = ANY (v_lanes) AND l.kind = ANY (p_kinds) AND l.requires <@ p_labels AND (l.suspect > 0) = p_suspects AND NOT p.paused
        AND NOT EXISTS (SELECT FROM queue.gate g WHERE g.open_at > v_now AND g.name = l.gate)
        AND NOT EXISTS (SELECT FROM queue.gate g WHERE g.open_at > v_now AND g.name = 'project:' || p.id);
    EXIT WHEN v_lanes IS NOT NULL OR p_lanes IS NOT NULL OR v_lane = -1 OR (v_wrapped AND v_lane > p_after) OR v_tries >= 16;
  END LOOP;
  IF v_lanes IS NULL THEN RETURN QUERY SELECT v_lane, false, NULL::bigint, NULL, NULL, NULL, NULL, NULL, NULL; RETURN; END IF;
  IF p_suspects THEN v_n := CASE WHEN v_once THEN least(v_n, 16) ELSE 1 END; END IF;
  v_per := least(v_n, greatest(16, 2 * v_n / cardinality(v_lanes)));

  IF v_plain AND cardinality(v_lanes) = 1 THEN
    SELECT array_agg(x.ctid) INTO v_tids FROM (
      SELECT r.ctid FROM queue.ready r
      WHERE r.lane = v_lanes[1] AND (r.priority, r.id) > (coalesce(p_priorities[1], (-32768)::smallint), coalesce(p_ids[1], '00000000-0000-0000-0000-000000000000'::uuid))
      ORDER BY r.priority, r.id LIMIT v_n) x;
  ELSIF v_plain AND NOT p_suspects THEN
    WITH lanes AS MATERIALIZED (
      SELECT l.no, l.project, row_number() OVER (ORDER BY p.id) AS place, p.weight, greatest(f.now, p.finish) AS start,
        -- A quarter more than its part by weight, so that one with few tasks leaves room to the others.
        least(v_n, greatest(16, ceil(1.25 * v_n * p.weight / sum(p.weight) OVER ()))) AS most, coalesce(m.priority, (-32768)::smallint) AS after_priority, coalesce(m.id, '00000000-0000-0000-0000-000000000000'::uuid) AS after_id
      FROM queue.lane l JOIN queue.project p ON p.no = l.project CROSS JOIN queue.fairness f
        LEFT JOIN unnest(p_lanes, p_priorities, p_ids) m(lane, priority, id) ON m.lane = l.no
      WHERE l.no = ANY (v_lanes)
    ), pick AS MATERIALIZED (
      SELECT c.tid, l.project, l.weight, l.start + c.k / l.weight AS at
      FROM lanes l CROSS JOIN LATERAL (
        SELECT x.tid, row_number() OVER () - 1 AS k FROM (
          SELECT r.ctid AS tid FROM queue.ready r WHERE r.lane = l.no AND (r.priority, r.id) > (l.after_priority, l.after_id) ORDER BY r.priority, r.id LIMIT l.most) x) c
      ORDER BY l.start + c.k / l.weight, l.place, c.k LIMIT v_n
    ), competing AS MATERIALIZED (
      -- Not EXISTS: the planner would make a join of it that reads the whole table.
      SELECT count(*) > 1 AS yes FROM lanes l CROSS JOIN LATERAL (SELECT FROM queue.ready r WHERE r.lane = l.no AND (r.priority, r.id) > (l.after_priority, l.after_id) LIMIT 1) x
    ), charged AS (
      UPDATE queue.project p SET finish = x.finish FROM (SELECT i.project, max(i.at + 1 / i.weight) AS finish FROM pick i GROUP BY i.project) x, competing c WHERE c.yes AND p.no = x.project
    ), advanced AS (
      UPDATE queue.fairness f SET now = x.at FROM (SELECT max(i.at) AS at FROM pick i) x, competing c WHERE c.yes AND x.at IS NOT NULL
    ) SELECT array_agg(i.tid) INTO v_tids FROM pick i;
  ELSE
    WITH running AS (
      SELECT l.project, l.concurrency_key AS key, count(*)::int AS n
      FROM queue.lease e, unnest(e.ids, e.lanes) WITH ORDINALITY u(id, lane, pos) JOIN queue.lane l ON l.no = u.lane
      WHERE NOT v_plain AND get_bit(e.done, u.pos::int - 1) = 0 GROUP BY 1, 2
    ), lanes AS MATERIALIZED (
      SELECT l.no, l.project, p.id AS name, p.weight, l.concurrency_key AS key, greatest(f.now, p.finish) AS start,
        coalesce(m.priority, (-32768)::smallint) AS after_priority, coalesce(m.id, '00000000-0000-0000-0000-000000000000'::uuid) AS after_id,
        CASE WHEN l.concurrency_key IS NOT NULL THEN l.concurrency_limit - coalesce((SELECT r.n FROM running r WHERE r.project = l.project AND r.key = l.concurrency_key), 0) END AS key_room,
        CASE WHEN p.max_running IS NOT NULL THEN p.max_running - coalesce((SELECT sum(r.n)::int FROM running r WHERE r.project = l.project), 0) END AS room
      FROM queue.lane l JOIN queue.project p ON p.no = l.project CROSS JOIN queue.fairness f
        LEFT JOIN unnest(p_lanes, p_priorities, p_ids) m(lane, priority, id) ON m.lane = l.no
      WHERE l.no = ANY (v_lanes) AND (NOT p_suspects OR l.suspect = CASE WHEN v_once THEN 1 ELSE 2 END)
    ), cand AS (
      SELECT l.*, c.tid, c.priority, c.id
      FROM lanes l CROSS JOIN LATERAL (
        SELECT r.ctid AS tid, r.priority, r.id FROM queue.ready r
        WHERE r.lane = l.no AND (r.priority, r.id) > (l.after_priority, l.after_id)
        ORDER BY r.priority, r.id LIMIT least(v_per, greatest(0, coalesce(least(l.key_room, l.room), v_per)))) c
    ), keyed AS (
      SELECT c.*, CASE WHEN c.key IS NULL THEN 0 ELSE row_number() OVER (PARTITION BY c.project, c.key ORDER BY c.priority, c.id) END AS nth FROM cand c WHERE NOT v_plain
      UNION ALL SELECT c.*, 0 FROM cand c WHERE v_plain
    ), ranked AS MATERIALIZED (
      SELECT k.*, row_number() OVER (PARTITION BY k.project ORDER BY k.priority, k.id) - 1 AS k FROM keyed k WHERE k.key IS NULL OR k.nth <= k.key_room
    ), pick AS MATERIALIZED (
      SELECT r.tid, r.project, r.weight, r.start + r.k / r.weight AS at FROM ranked r WHERE r.room IS NULL OR r.k < r.room
      ORDER BY r.start + r.k / r.weight, r.name, r.k LIMIT v_n
    ), competing AS (SELECT count(DISTINCT r.project) > 1 AS yes FROM ranked r WHERE r.room IS NULL OR r.k < r.room
    ), charged AS (
      UPDATE queue.project p SET finish = x.finish FROM (SELECT i.project, max(i.at + 1 / i.weight) AS finish FROM pick i GROUP BY i.project) x, competing c WHERE c.yes AND p.no = x.project
    ), advanced AS (
      UPDATE queue.fairness f SET now = x.at FROM (SELECT max(i.at) AS at FROM pick i) x, competing c WHERE c.yes AND x.at IS NOT NULL
    ) SELECT array_agg(i.tid) INTO v_tids FROM pick i;
  END IF;
  IF v_tids IS NULL THEN RETURN QUERY SELECT v_lane, false, NULL::bigint, NULL, NULL, NULL, NULL, NULL, NULL; RETURN; END IF;

  -- With fewer than sixteen no lane gave as many as it may.
  v_more := v_more OR cardinality(v_tids) >= least(v_n, 16);
  RETURN QUERY
  WITH gone AS (DELETE FROM queue.ready r WHERE r.ctid = ANY (v_tids) RETURNING r.*
  ), batch AS MATERIALIZED (
    SELECT queue.token(v_now, nextval('queue.claim_no'), max(g.fence)) AS token, array_agg(g.id) AS ids, array_agg(g.lane) AS lanes, array_agg(g.priority) AS priorities,
      array_agg(g.payload) AS payloads, array_agg(g.extra) AS extras, array_agg(g.state) AS states, '[' || string_agg(g.payload::text, ',') || ']' AS payload_text,
      CASE WHEN count(g.extra) > 0 THEN '[' || string_agg(coalesce(g.extra::text, 'null'), ',') || ']' END AS extra_text,
      CASE WHEN count(g.state) > 0 THEN '[' || string_agg(coalesce(g.state::text, 'null'), ',') || ']' END AS state_text
    FROM gone g
  ), held AS (
    INSERT INTO queue.lease (token, worker, claimed_at, ids, lanes, priorities, payloads, extras, states)
    SELECT b.token, p_worker, v_now, b.ids, b.lanes, b.priorities, b.payloads, b.extras, b.states FROM batch b
  ) SELECT v_lane, v_more, b.token, b.ids::text, b.lanes::text, b.priorities::text, b.payload_text, b.extra_text, b.state_text FROM batch b;
END $$;
