-- The number of a project, made on first use.
CREATE FUNCTION queue.project_no(p_id text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE v_no int;
BEGIN
  SELECT no INTO v_no FROM queue.project WHERE id = p_id;
  IF v_no IS NULL THEN
    INSERT INTO queue.project (id) VALUES (p_id) ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING no INTO v_no;
  END IF;
  RETURN v_no;
END $$;

-- The number of a lane, made on first use. used_at keeps it from retention while producers may remember it.
CREATE FUNCTION queue.lane_no(p_project text, p_kind text, p_requires text[], p_gate text, p_key text, p_limit int, p_attempts int, p_timeout bigint) RETURNS int LANGUAGE plpgsql AS $$
DECLARE v_project int := queue.project_no(p_project); v_no int;
BEGIN
  UPDATE queue.lane SET used_at = now() WHERE project = v_project AND kind = p_kind AND requires = p_requires AND gate IS NOT DISTINCT FROM p_gate
    AND concurrency_key IS NOT DISTINCT FROM p_key AND concurrency_limit = p_limit AND max_attempts = p_attempts AND timeout_millis = p_timeout AND suspect = 0
    RETURNING no INTO v_no;
  IF v_no IS NULL THEN
    INSERT INTO queue.lane (project, kind, requires, gate, concurrency_key, concurrency_limit, max_attempts, timeout_millis, suspect)
    VALUES (v_project, p_kind, p_requires, p_gate, p_key, p_limit, p_attempts, p_timeout, 0)
    ON CONFLICT (project, kind, requires, gate, concurrency_key, concurrency_limit, max_attempts, timeout_millis, suspect) DO UPDATE SET used_at = now()
    RETURNING no INTO v_no;
  END IF;
  RETURN v_no;
END $$;

-- The lane with the same attributes for tasks whose workers vanished so often (0 = the usual one).
CREATE FUNCTION queue.lane_of_crashes(p_lane int, p_crashes int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE v_want smallint := least(p_crashes, 2); v_no int;
BEGIN
  SELECT o.no INTO v_no FROM queue.lane l JOIN queue.lane o ON o.project = l.project AND o.kind = l.kind AND o.requires = l.requires AND o.gate IS NOT DISTINCT FROM l.gate
    AND o.concurrency_key IS NOT DISTINCT FROM l.concurrency_key AND o.concurrency_limit = l.concurrency_limit AND o.max_attempts = l.max_attempts
    AND o.timeout_millis = l.timeout_millis AND o.suspect = v_want WHERE l.no = p_lane;
  IF v_no IS NULL THEN
    INSERT INTO queue.lane (project, kind, requires, gate, concurrency_key, concurrency_limit, max_attempts, timeout_millis, suspect)
    SELECT project, kind, requires, gate, concurrency_key, concurrency_limit, max_attempts, timeout_millis, v_want FROM queue.lane WHERE no = p_lane
    ON CONFLICT (project, kind, requires, gate, concurrency_key, concurrency_limit, max_attempts, timeout_millis, suspect) DO UPDATE SET used_at = now()
    RETURNING no INTO v_no;
  END IF;
  RETURN v_no;
END $$;

-- Where tasks are in ready: its lanes and priorities by a skip scan, so that looking one up by id needs no index of its own.
CREATE FUNCTION queue.places() RETURNS TABLE (o_lane int, o_priority smallint) LANGUAGE sql STABLE SET enable_seqscan = off SET enable_bitmapscan = off AS $$
  WITH RECURSIVE t AS (
    (SELECT lane, priority FROM queue.ready ORDER BY lane, priority LIMIT 1)
    UNION ALL
    SELECT n.lane, n.priority FROM t CROSS JOIN LATERAL (SELECT r.lane, r.priority FROM queue.ready r WHERE (r.lane, r.priority) > (t.lane, t.priority) ORDER BY r.lane, r.priority LIMIT 1) n
  ) SELECT lane, priority FROM t $$;

-- 0 pending, 1 completed, 2 failed, 3 cancelled, 4 running, null = no such task.
CREATE FUNCTION queue.status_of(p_id uuid) RETURNS int LANGUAGE sql STABLE AS $$
  SELECT coalesce(
    (SELECT status::int FROM queue.history WHERE id = p_id LIMIT 1),
    (SELECT 0 FROM queue.later WHERE id = p_id),
    (SELECT 4 FROM queue.lease WHERE p_id = ANY (ids) AND get_bit(done, array_position(ids, p_id) - 1) = 0 LIMIT 1),
    (SELECT 0 FROM queue.places() p JOIN queue.ready r ON r.lane = p.o_lane AND r.priority = p.o_priority AND r.id = p_id LIMIT 1)) $$;

-- One task that is not plain: a dedupe key, a time, or dependencies. Returns the id of the holder of the key, else its own.
CREATE FUNCTION queue.insert_special(p_lane int, p_priority smallint, p_id uuid, p_payload json, p_extra json, p_key text, p_run_at timestamptz, p_depends uuid[]) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE v_holder uuid; v_on uuid; v_status int; v_waits int := 0; v_blocked uuid;
BEGIN
  FOREACH v_on IN ARRAY p_depends LOOP
    v_status := queue.status_of(v_on);
    IF v_status IS NULL THEN RAISE EXCEPTION 'dependency % does not exist', v_on USING ERRCODE = 'RQ001', DETAIL = v_on::text; END IF;
  END LOOP;
  IF p_key IS NOT NULL THEN
    LOOP
      INSERT INTO queue.key (project, key, task) SELECT l.project, p_key, p_id FROM queue.lane l WHERE l.no = p_lane ON CONFLICT (project, key) DO NOTHING;
      EXIT WHEN FOUND;
      SELECT k.task INTO v_holder FROM queue.key k JOIN queue.lane l ON l.project = k.project WHERE l.no = p_lane AND k.key = p_key;
      IF FOUND THEN RETURN v_holder; END IF;
    END LOOP;
  END IF;
  FOREACH v_on IN ARRAY p_depends LOOP
    v_status := queue.status_of(v_on);
    IF v_status IN (0, 4) THEN
      INSERT INTO queue.dep (on_task, task) VALUES (v_on, p_id) ON CONFLICT DO NOTHING;
      IF FOUND THEN v_waits := v_waits + 1; END IF;
    ELSIF v_status IN (2, 3) AND v_blocked IS NULL THEN v_blocked := v_on;
    END IF;
  END LOOP;
  IF v_blocked IS NOT NULL THEN
    DELETE FROM queue.dep WHERE task = p_id;
    DELETE FROM queue.key WHERE task = p_id;
    INSERT INTO queue.history (id, lane, priority, status, fence, ended_at, payload, extra, blocked_by) VALUES (p_id, p_lane, p_priority, 2, 0, clock_timestamp(), p_payload, p_extra, v_blocked);
  ELSIF v_waits > 0 OR p_run_at > clock_timestamp() THEN
    INSERT INTO queue.later (id, run_at, lane, priority, fence, payload, extra, waits) VALUES (p_id, coalesce(p_run_at, '-infinity'), p_lane, p_priority, 0, p_payload, p_extra, v_waits);
  ELSE
    INSERT INTO queue.ready (lane, priority, id, payload, extra) VALUES (p_lane, p_priority, p_id, p_payload, p_extra);
  END IF;
  RETURN p_id;
END $$;
