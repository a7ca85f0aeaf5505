-- Makes due tasks runnable, at most p_n, by one caller at a time; and looks again at dependencies noted in the last ten seconds, whose
-- task may have ended while they were written. Returns milliseconds until the next is due (null = none) and whether tasks wait that
-- are handed out apart.
CREATE FUNCTION queue.tend(p_n int, OUT o_due float8, OUT o_suspects boolean, OUT o_promoted int) LANGUAGE plpgsql
SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE v_completed uuid[]; v_other uuid[];
BEGIN
  o_promoted := 0;
  IF pg_try_advisory_xact_lock(7001, 3) THEN
    WITH due AS (DELETE FROM queue.later WHERE id = ANY (ARRAY(
        SELECT l.id FROM queue.later l WHERE l.waits = 0 AND l.run_at <= clock_timestamp() ORDER BY l.run_at, l.id LIMIT p_n FOR UPDATE SKIP LOCKED)) RETURNING *),
    moved AS (INSERT INTO queue.ready (lane, priority, id, fence, payload, extra, state) SELECT lane, priority, id, fence, payload, extra, state FROM due RETURNING 1)
    SELECT count(*) INTO o_promoted FROM moved;
    IF EXISTS (SELECT FROM queue.dep WHERE at > clock_timestamp() - interval '10 seconds') THEN
      SELECT array_agg(d.on_task) FILTER (WHERE d.status = 1), array_agg(d.on_task) FILTER (WHERE d.status IN (2, 3)) INTO v_completed, v_other
      FROM (SELECT x.on_task, queue.status_of(x.on_task) AS status FROM (
        SELECT DISTINCT on_task FROM queue.dep WHERE at > clock_timestamp() - interval '10 seconds' LIMIT 1000) x) d;
      PERFORM queue.ended(v_completed, v_other);
    END IF;
  END IF;
  SELECT extract(epoch FROM l.run_at - clock_timestamp()) * 1000 INTO o_due FROM queue.later l
    WHERE l.waits = 0 AND l.run_at > '-infinity' AND l.run_at < 'infinity' ORDER BY l.run_at, l.id LIMIT 1;
  PERFORM FROM queue.lane l CROSS JOIN LATERAL (SELECT FROM queue.ready r WHERE r.lane = l.no LIMIT 1) x WHERE l.suspect > 0 LIMIT 1;
  o_suspects := FOUND;
END $$;

-- Strikes off workers whose lease has ended and returns tasks that no worker holds any more.
CREATE FUNCTION queue.take_lost(p_n int) RETURNS TABLE (o_token bigint, o_worker uuid, o_claimed_at timestamptz, o_id uuid, o_lane int, o_priority smallint, o_payload json, o_extra json, o_state json) LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM queue.worker WHERE expires_at <= clock_timestamp();
  RETURN QUERY
    SELECT e.token, e.worker, e.claimed_at, u.id, u.lane, u.priority, u.payload, u.extra, u.state
    FROM queue.lease e, unnest(e.ids, e.lanes, e.priorities, e.payloads, e.extras, e.states) WITH ORDINALITY u(id, lane, priority, payload, extra, state, pos)
    WHERE NOT EXISTS (SELECT FROM queue.worker w WHERE w.id = e.worker) AND get_bit(e.done, u.pos::int - 1) = 0 LIMIT p_n;
END $$;

-- Gives back what a living worker was handed without knowing it (the answer to its claim was lost): leases older than p_age that are
-- not among p_held. Nobody runs these, and no heartbeat of another would ever end them. Returns how many tasks went back.
CREATE FUNCTION queue.return_unheld(p_worker uuid, p_held bigint[], p_age interval) RETURNS int LANGUAGE plpgsql AS $$
DECLARE v_tokens bigint[]; v_ids uuid[]; v_states json[]; v_crashes int[]; v_n int;
BEGIN
  SELECT array_agg(e.token), array_agg(u.id), array_agg(u.state), array_agg(coalesce((u.state ->> 'crashes')::int, 0)) INTO v_tokens, v_ids, v_states, v_crashes
    FROM queue.lease e, unnest(e.ids, e.states) WITH ORDINALITY u(id, state, pos)
    WHERE e.worker = p_worker AND e.token <> ALL (p_held) AND e.claimed_at < clock_timestamp() - p_age AND get_bit(e.done, u.pos::int - 1) = 0;
  v_n := coalesce(cardinality(v_ids), 0);
  IF v_n > 0 THEN
    PERFORM queue.settle(v_tokens, v_ids, array_fill(0::smallint, ARRAY[v_n]), array_fill(NULL::json, ARRAY[v_n]), array_fill(NULL::json, ARRAY[v_n]), v_states,
      v_crashes, array_fill(0::bigint, ARRAY[v_n]), array_fill(NULL::text, ARRAY[v_n]));
  END IF;
  RETURN v_n;
END $$;

-- Status before (see status_of); a pending task is cancelled, a running one is marked for its worker.
CREATE FUNCTION queue.cancel(p_id uuid) RETURNS int LANGUAGE plpgsql AS $$
DECLARE v_status int;
BEGIN
  -- A task that moves between two looks is met again at the next; it can only move so often while we hold nothing.
  FOR i IN 1..20 LOOP
    v_status := queue.status_of(p_id);
    IF v_status IS NULL OR v_status IN (1, 2, 3) THEN RETURN v_status; END IF;
    IF v_status = 4 THEN
      PERFORM FROM queue.lease WHERE p_id = ANY (ids) AND get_bit(done, array_position(ids, p_id) - 1) = 0 FOR UPDATE;
      CONTINUE WHEN NOT FOUND;
      INSERT INTO queue.cancelling VALUES (p_id) ON CONFLICT DO NOTHING;
      RETURN 4;
    END IF;
    WITH a AS (DELETE FROM queue.later WHERE id = p_id RETURNING lane, priority, id, fence, payload, extra, state),
    b AS (DELETE FROM queue.ready r USING queue.places() p WHERE r.lane = p.o_lane AND r.priority = p.o_priority AND r.id = p_id RETURNING r.lane, r.priority, r.id, r.fence, r.payload, r.extra, r.state)
    INSERT INTO queue.history (id, lane, priority, status, fence, ended_at, payload, extra, state)
    SELECT id, lane, priority, 3, fence, clock_timestamp(), payload, extra, state FROM (SELECT * FROM a UNION ALL SELECT * FROM b) x;
    IF FOUND THEN
      DELETE FROM queue.dep WHERE task = p_id;
      PERFORM queue.ended('{}', ARRAY[p_id]);
      RETURN 0;
    END IF;
  END LOOP;
  RAISE EXCEPTION 'task % moves too fast to be cancelled; try again', p_id USING ERRCODE = '40001';
END $$;

-- 'ok', 'missing', 'running', 'completed', or the id of another task that holds its dedupe key.
CREATE FUNCTION queue.requeue(p_id uuid, p_state json) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v queue.history; v_status int; v_key text; v_holder uuid;
BEGIN
  FOR i IN 1..20 LOOP
    v_status := queue.status_of(p_id);
    IF v_status IS NULL THEN RETURN 'missing'; END IF;
    IF v_status = 4 THEN RETURN 'running'; END IF;
    IF v_status = 1 THEN RETURN 'completed'; END IF;
    SELECT coalesce(h.extra, l.extra) ->> 'dedupeKey' INTO v_key FROM (SELECT p_id AS id) x LEFT JOIN queue.history h ON h.id = x.id LEFT JOIN queue.later l ON l.id = x.id;
    IF v_status > 1 AND v_key IS NOT NULL THEN
      INSERT INTO queue.key (project, key, task) SELECT l.project, v_key, p_id FROM queue.history h JOIN queue.lane l ON l.no = h.lane WHERE h.id = p_id ON CONFLICT (project, key) DO NOTHING;
      IF NOT FOUND THEN
        SELECT k.task INTO v_holder FROM queue.key k JOIN queue.lane l ON l.project = k.project JOIN queue.history h ON h.lane = l.no WHERE h.id = p_id AND k.key = v_key;
        IF v_holder <> p_id THEN RETURN v_holder::text; END IF;
      END IF;
    END IF;
    WITH a AS (DELETE FROM queue.later WHERE id = p_id RETURNING lane, priority, id, fence, payload, extra),
    b AS (DELETE FROM queue.ready r USING queue.places() p WHERE r.lane = p.o_lane AND r.priority = p.o_priority AND r.id = p_id RETURNING r.lane, r.priority, r.id, r.fence, r.payload, r.extra),
    c AS (DELETE FROM queue.history WHERE id = p_id AND status > 1 RETURNING lane, priority, id, fence, payload, extra),
    one AS (SELECT * FROM a UNION ALL SELECT * FROM b UNION ALL SELECT * FROM c)
    INSERT INTO queue.ready (lane, priority, id, fence, payload, extra, state)
    SELECT queue.lane_of_crashes(lane, 0), priority, id, fence, payload, extra, p_state FROM one;
    IF FOUND THEN
      DELETE FROM queue.dep WHERE task = p_id;
      RETURN 'ok';
    END IF;
  END LOOP;
  RAISE EXCEPTION 'task % moves too fast to be put back; try again', p_id USING ERRCODE = '40001';
END $$;

CREATE FUNCTION queue.release(p_resource text) RETURNS int LANGUAGE sql AS $$
  WITH go AS (DELETE FROM queue.later WHERE awaits = p_resource AND waits = 0 AND run_at < 'infinity' RETURNING *),
  moved AS (INSERT INTO queue.ready (lane, priority, id, fence, payload, extra, state) SELECT lane, priority, id, fence, payload, extra, state FROM go RETURNING 1)
  SELECT count(*)::int FROM moved $$;

-- Drops days that are wholly older than the age, then the oldest days while more than p_max records are kept (by the planner's count),
-- then what the default partition keeps beyond the age, and lanes that nothing refers to any more. Returns how many records left, about.
CREATE FUNCTION queue.purge(p_age interval, p_max bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE v_part record; v_total bigint; v_gone bigint := 0; v_n bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(7001, 2);
  SELECT coalesce(sum(greatest(c.reltuples, 0)), 0) INTO v_total FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'queue.history'::regclass;
  FOR v_part IN SELECT c.relname AS name, greatest(c.reltuples, 0)::bigint AS n, to_date(substr(c.relname, 9), 'YYYYMMDD') AS day
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'queue.history'::regclass AND c.relname ~ '^history_[0-9]{8}$' ORDER BY c.relname
  LOOP
    EXIT WHEN v_part.day >= (now() AT TIME ZONE 'UTC')::date - 1;
    IF (v_part.day + 1)::timestamp AT TIME ZONE 'UTC' < now() - p_age OR v_total > p_max THEN
      EXECUTE format('SELECT count(*) FROM queue.%I', v_part.name) INTO v_n;
      EXECUTE format('ALTER TABLE queue.history DETACH PARTITION queue.%I', v_part.name);
      EXECUTE format('DROP TABLE queue.%I', v_part.name);
      v_gone := v_gone + v_n;
      v_total := v_total - v_part.n;
    END IF;
  END LOOP;
  DELETE FROM queue.history_other WHERE ended_at < now() - p_age;
  GET DIAGNOSTICS v_n = ROW_COUNT;
  UPDATE queue.lane SET used_at = now() WHERE no IN (SELECT lane FROM queue.later UNION SELECT o_lane FROM queue.places() UNION SELECT unnest(lanes) FROM queue.lease);
  DELETE FROM queue.lane WHERE used_at < now() - p_age - interval '2 days';
  DELETE FROM queue.gate WHERE open_at < now();
  PERFORM queue.ended(
    (SELECT array_agg(on_task) FROM (SELECT DISTINCT on_task FROM queue.dep LIMIT 10000) d WHERE queue.status_of(on_task) = 1),
    (SELECT array_agg(on_task) FROM (SELECT DISTINCT on_task FROM queue.dep LIMIT 10000) d WHERE coalesce(queue.status_of(on_task), 2) IN (2, 3)));
  RETURN v_gone + v_n;
END $$;
