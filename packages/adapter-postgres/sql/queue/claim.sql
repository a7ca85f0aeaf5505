-- Leases up to p_n tasks (at most 500) to a worker. One claimer at a time: no row is locked and nothing locked has to be skipped.
-- Its transaction commits without waiting for the disk: a claim lost in a server crash leaves its tasks in ready, and its holder is
-- fenced because the lease is gone.
--
-- p_lanes null: looks for lanes with work by a skip scan after p_after, 64 at a time until one is eligible, at most 1024. Else only
-- those lanes, and of each only rows after the caller's mark (p_priorities, p_ids): this never walks the dead entries at the head of
-- the index, which a held snapshot keeps vacuum from removing. The caller makes a full claim when such a one comes back short, and
-- often enough that rows which appear behind a mark do not wait long.
--
-- Answers with JSON: where the scan ended, whether there may be more (a worker that took the last task asks no second time) and, if there
-- was anything, the batch column by column and in no order: a row per task would cost both sides more than the rest of the claim. The ids
-- are one text of hexadecimal digits. extras and states are null when no task has any. The answer is null when the worker's lease has
-- ended. A task cancelled while it is claimed fails the claim with RQ002, and the caller asks again.
--
-- Where the whole queue holds fewer tasks than a claim may take, and at most sixteen, those of lanes without limits are taken without
-- choosing among them: between two tasks of different projects choosing was half of the claim. How many tasks each project gives is
-- reckoned by project instead of by sorting all candidates, which was a third of the claim: with n places, L projects of weight w (W
-- together) and the earliest start tag s, no more than n tasks start at s + (n - L) / W or before; those are sure to be chosen, and only
-- what lies behind them is compared for the few places left. A claim that comes back short charges nobody: no project had to wait for
-- another. Claims are made one at a time, so that their length is what several workers wait for: where there is little to do they make do
-- with few and small statements.
CREATE OR REPLACE FUNCTION rdev.queue_claim(p_worker uuid, p_n int, p_kinds text[], p_labels text[], p_quarantined boolean, p_after int, p_lanes int[], p_priorities smallint[], p_ids uuid[])
RETURNS text LANGUAGE plpgsql
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  v_lanes int[]; v_lane int := p_after; v_wrapped boolean := false; v_tries int := 0; v_now timestamptz;
  v_tids tid[]; v_plain boolean; v_n int := least(p_n, 500); v_per int; v_once boolean; v_more boolean := true;
  v_done boolean; v_alive boolean; v_first int; v_last int; v_task rdev.queue_ready; v_token bigint;
  v_fence bigint; v_ids uuid[]; v_of int[]; v_priorities smallint[]; v_payloads json[]; v_extras json[]; v_states json[];
  v_has_extras boolean; v_has_states boolean; v_gone bigint; v_few boolean := false; v_digits bytea;
BEGIN
  -- Assignments, which need no statement to be set up.
  v_done := set_config('synchronous_commit', 'off', true) IS NOT NULL;
  v_done := pg_advisory_xact_lock('rdev.queue_lease'::regclass::int, 1) IS NOT NULL;
  v_now := clock_timestamp();
  IF p_lanes IS NULL THEN
    -- One more than those of which all may be taken.
    SELECT EXISTS (SELECT FROM rdev.queue_worker w WHERE w.id = p_worker AND w.expires_at > v_now), array_agg(x.ctid), array_agg(x.lane), min(x.lane) INTO v_alive, v_tids, v_of, v_first
      FROM (SELECT r.ctid, r.lane FROM rdev.queue_ready r ORDER BY r.lane LIMIT 17) x;
    IF NOT v_alive THEN RETURN NULL; END IF;
    IF v_tids IS NULL THEN RETURN '{"after":-1,"more":false}'; END IF;
    IF cardinality(v_tids) < least(v_n, 17) THEN
      v_lanes := v_of;
      v_few := true;
    ELSE
      SELECT r.lane INTO v_last FROM rdev.queue_ready r ORDER BY r.lane DESC LIMIT 1;
    END IF;
  ELSE
    PERFORM FROM rdev.queue_worker w WHERE w.id = p_worker AND w.expires_at > v_now;
    IF NOT FOUND THEN RETURN NULL; END IF;
  END IF;
  LOOP
    v_tries := v_tries + 1;
    IF p_lanes IS NOT NULL THEN v_lanes := p_lanes;
    ELSIF v_few THEN
      v_lane := -1;
      v_more := false;
    ELSIF v_first = v_last THEN
      v_lanes := ARRAY[v_first];
      v_lane := v_first;
      v_more := false;
    ELSE
      v_lanes := '{}';
      LOOP
        SELECT r.lane INTO v_lane FROM rdev.queue_ready r WHERE r.lane > v_lane ORDER BY r.lane LIMIT 1;
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
      FROM rdev.queue_lane l JOIN rdev.queue_project p ON p.no = l.project
      WHERE l.no = ANY (v_lanes) AND l.kind = ANY (p_kinds) AND l.requires <@ p_labels AND (l.suspect > 0) = p_quarantined AND NOT p.paused
        AND NOT EXISTS (SELECT FROM rdev.queue_gate g WHERE g.open_at > v_now AND g.name IN (l.gate, 'project:' || p.id));
    EXIT WHEN v_lanes IS NOT NULL OR v_few OR p_lanes IS NOT NULL OR v_first = v_last OR v_lane = -1 OR (v_wrapped AND v_lane > p_after) OR v_tries >= 16;
  END LOOP;
  IF v_lanes IS NULL THEN RETURN concat('{"after":', v_lane, ',"more":false}'); END IF;
  IF p_quarantined THEN v_n := CASE WHEN v_once THEN least(v_n, 16) ELSE 1 END; END IF;
  v_per := least(v_n, greatest(16, 2 * v_n / cardinality(v_lanes)));

  IF v_few AND v_plain AND NOT p_quarantined THEN
    IF NOT v_of <@ v_lanes THEN v_tids := ARRAY(SELECT u.tid FROM unnest(v_tids, v_of) u(tid, lane) WHERE u.lane = ANY (v_lanes)); END IF;
  ELSIF v_plain AND cardinality(v_lanes) = 1 THEN
    SELECT array_agg(x.ctid) INTO v_tids FROM (
      SELECT r.ctid FROM rdev.queue_ready r
      WHERE r.lane = v_lanes[1] AND (r.priority, r.id) > (
        coalesce(p_priorities[array_position(p_lanes, v_lanes[1])], (-32768)::smallint),
        coalesce(p_ids[array_position(p_lanes, v_lanes[1])], '00000000-0000-0000-0000-000000000000'::uuid))
      ORDER BY r.priority, r.id LIMIT v_n) x;
  ELSIF v_plain AND NOT p_quarantined THEN
    WITH weighed AS (
      SELECT l.no, l.project, row_number() OVER (ORDER BY p.id) AS place, p.weight, sum(p.weight) OVER () AS weights, greatest(f.now, p.finish) AS start,
        coalesce(m.priority, (-32768)::smallint) AS after_priority, coalesce(m.id, '00000000-0000-0000-0000-000000000000'::uuid) AS after_id
      FROM rdev.queue_lane l JOIN rdev.queue_project p ON p.no = l.project CROSS JOIN rdev.queue_fairness f
        LEFT JOIN unnest(p_lanes, p_priorities, p_ids) m(lane, priority, id) ON m.lane = l.no
      WHERE l.no = ANY (v_lanes)
    ), lanes AS MATERIALIZED (
      SELECT w.*, greatest(0, floor((min(w.start) OVER () + (v_n - count(*) OVER ()) / w.weights - w.start) * w.weight) + 1)::int AS sure,
        -- A quarter more than its part by weight, so that one with few tasks leaves room to the others.
        least(v_n, greatest(16, ceil(1.25 * v_n * w.weight / w.weights)))::int AS most
      FROM weighed w
    ), found AS MATERIALIZED (
      SELECT l.no, l.project, l.place, l.weight, l.start, l.tids, cardinality(l.tids) AS n, least(l.sure, cardinality(l.tids)) AS sure
      FROM (
        SELECT l.*, ARRAY(SELECT r.ctid FROM rdev.queue_ready r WHERE r.lane = l.no AND (r.priority, r.id) > (l.after_priority, l.after_id) ORDER BY r.priority, r.id LIMIT l.most) AS tids
        -- So that the rows are read once.
        FROM lanes l OFFSET 0) l
      WHERE l.tids <> '{}'
    ), rest AS (
      SELECT x.no, count(*)::int AS n
      FROM (
        SELECT o.no FROM found o CROSS JOIN LATERAL generate_series(o.sure, o.n - 1) k
        ORDER BY o.start + k / o.weight, o.place, k LIMIT v_n - (SELECT sum(o.sure) FROM found o)) x
      GROUP BY x.no
    ), parts AS MATERIALIZED (
      SELECT o.project, o.weight, o.tids, o.sure + coalesce(x.n, 0) AS n, o.start + (o.sure + coalesce(x.n, 0) - 1) / o.weight AS at FROM found o LEFT JOIN rest x ON x.no = o.no
    ), whole AS MATERIALIZED (
      SELECT count(*) > 1 AND sum(t.n) >= v_n AS competing, max(t.at) FILTER (WHERE t.n > 0) AS at FROM parts t
    ), charged AS (
      UPDATE rdev.queue_project p SET finish = t.at + 1 / t.weight FROM parts t, whole a WHERE a.competing AND t.n > 0 AND p.no = t.project
    ), advanced AS (
      UPDATE rdev.queue_fairness f SET now = a.at FROM whole a WHERE a.competing
    ) SELECT array_agg(u.tid) INTO v_tids FROM parts t CROSS JOIN LATERAL unnest(t.tids[1:t.n]) u(tid);
  ELSE
    WITH running AS (
      SELECT l.project, l.concurrency_key AS key, count(*)::int AS n
      FROM rdev.queue_lease e, unnest(e.ids, e.lanes) WITH ORDINALITY u(id, lane, pos) JOIN rdev.queue_lane l ON l.no = u.lane
      WHERE NOT v_plain AND get_bit(e.done, u.pos::int - 1) = 0 GROUP BY 1, 2
    ), lanes AS MATERIALIZED (
      SELECT l.no, l.project, p.id AS name, p.weight, l.concurrency_key AS key, greatest(f.now, p.finish) AS start,
        coalesce(m.priority, (-32768)::smallint) AS after_priority, coalesce(m.id, '00000000-0000-0000-0000-000000000000'::uuid) AS after_id,
        CASE WHEN l.concurrency_key IS NOT NULL THEN l.concurrency_limit - coalesce((SELECT r.n FROM running r WHERE r.project = l.project AND r.key = l.concurrency_key), 0) END AS key_room,
        CASE WHEN p.max_running IS NOT NULL THEN p.max_running - coalesce((SELECT sum(r.n)::int FROM running r WHERE r.project = l.project), 0) END AS room
      FROM rdev.queue_lane l JOIN rdev.queue_project p ON p.no = l.project CROSS JOIN rdev.queue_fairness f
        LEFT JOIN unnest(p_lanes, p_priorities, p_ids) m(lane, priority, id) ON m.lane = l.no
      WHERE l.no = ANY (v_lanes) AND (NOT p_quarantined OR l.suspect = CASE WHEN v_once THEN 1 ELSE 2 END)
    ), cand AS (
      SELECT l.*, c.tid, c.priority, c.id
      FROM lanes l CROSS JOIN LATERAL (
        SELECT r.ctid AS tid, r.priority, r.id FROM rdev.queue_ready r
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
    ), parts AS MATERIALIZED (SELECT i.project, count(*) AS n, max(i.at) AS at, max(i.at + 1 / i.weight) AS finish FROM pick i GROUP BY i.project
    ), competing AS (SELECT count(DISTINCT r.project) > 1 AND (SELECT sum(s.n) FROM parts s) >= v_n AS yes FROM ranked r WHERE r.room IS NULL OR r.k < r.room
    ), charged AS (
      UPDATE rdev.queue_project p SET finish = x.finish FROM parts x, competing c WHERE c.yes AND p.no = x.project
    ), advanced AS (
      UPDATE rdev.queue_fairness f SET now = x.at FROM (SELECT max(s.at) AS at FROM parts s) x, competing c WHERE c.yes AND x.at IS NOT NULL
    ) SELECT array_agg(i.tid) INTO v_tids FROM pick i;
  END IF;
  IF v_tids IS NULL THEN RETURN concat('{"after":', v_lane, ',"more":false}'); END IF;

  -- With fewer than sixteen no lane gave as many as it may.
  v_more := v_more OR cardinality(v_tids) >= least(v_n, 16);
  IF cardinality(v_tids) = 1 THEN
    DELETE FROM rdev.queue_ready r WHERE r.ctid = v_tids[1] RETURNING r.* INTO v_task;
    IF NOT FOUND THEN RETURN concat('{"after":', v_lane, ',"more":true}'); END IF;
    v_token := rdev.queue_token(v_now, nextval('rdev.queue_claim_no'), v_task.fence);
    INSERT INTO rdev.queue_lease (token, worker, claimed_at, ids, lanes, priorities, payloads, extras, states)
      VALUES (v_token, p_worker, v_now, ARRAY[v_task.id], ARRAY[v_task.lane], ARRAY[v_task.priority], ARRAY[v_task.payload], ARRAY[v_task.extra], ARRAY[v_task.state]);
    RETURN concat('{"after":', v_lane, ',"more":', v_more::text, ',"token":', v_token, ',"ids":"', encode(uuid_send(v_task.id), 'hex'), '","lanes":[', v_task.lane, '],"priorities":[', v_task.priority,
      '],"extras":', coalesce('[' || v_task.extra::text || ']', 'null'), ',"states":', coalesce('[' || v_task.state::text || ']', 'null'), ',"payloads":[', v_task.payload, ']}');
  END IF;
  -- Read, then removed: RETURNING through a common table expression costs twice as much.
  SELECT max(g.fence), array_agg(g.id), string_agg(uuid_send(g.id), ''::bytea), array_agg(g.lane), array_agg(g.priority), array_agg(g.payload), count(g.extra) > 0, count(g.state) > 0
    INTO v_fence, v_ids, v_digits, v_of, v_priorities, v_payloads, v_has_extras, v_has_states
    FROM rdev.queue_ready g WHERE g.ctid = ANY (v_tids);
  IF v_ids IS NULL THEN RETURN concat('{"after":', v_lane, ',"more":true}'); END IF;
  IF v_has_extras OR v_has_states THEN
    SELECT CASE WHEN v_has_extras THEN array_agg(g.extra) END, CASE WHEN v_has_states THEN array_agg(g.state) END INTO v_extras, v_states
      FROM rdev.queue_ready g WHERE g.ctid = ANY (v_tids);
  END IF;
  DELETE FROM rdev.queue_ready r WHERE r.ctid = ANY (v_tids);
  GET DIAGNOSTICS v_gone = ROW_COUNT;
  IF v_gone <> cardinality(v_ids) THEN RAISE SQLSTATE 'RQ002' USING MESSAGE = 'tasks were cancelled while they were claimed'; END IF;
  v_token := rdev.queue_token(v_now, nextval('rdev.queue_claim_no'), v_fence);
  INSERT INTO rdev.queue_lease (token, worker, claimed_at, ids, lanes, priorities, payloads, extras, states)
    VALUES (v_token, p_worker, v_now, v_ids, v_of, v_priorities, v_payloads, v_extras, v_states);
  RETURN concat('{"after":', v_lane, ',"more":', v_more::text, ',"token":', v_token, ',"ids":"', encode(v_digits, 'hex'), '","lanes":[', array_to_string(v_of, ','),
    '],"priorities":[', array_to_string(v_priorities, ','), '],"extras":', coalesce(array_to_json(v_extras)::text, 'null'),
    ',"states":', coalesce(array_to_json(v_states)::text, 'null'), ',"payloads":[', array_to_string(v_payloads, ','), ']}');
END $$;
