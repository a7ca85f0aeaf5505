-- 'ok', 'missing', 'running', 'completed', or the id of another task that holds its dedupe key.
CREATE OR REPLACE FUNCTION rdev.queue_requeue(p_id uuid, p_state json) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v rdev.queue_history; v_status int; v_key text; v_holder uuid;
BEGIN
  FOR i IN 1..20 LOOP
    v_status := rdev.queue_status_of(p_id);
    IF v_status IS NULL THEN RETURN 'missing'; END IF;
    IF v_status = 4 THEN RETURN 'running'; END IF;
    IF v_status = 1 THEN RETURN 'completed'; END IF;
    SELECT coalesce(h.extra, l.extra) ->> 'dedupeKey' INTO v_key FROM (SELECT p_id AS id) x LEFT JOIN rdev.queue_history h ON h.id = x.id LEFT JOIN rdev.queue_later l ON l.id = x.id;
    IF v_status > 1 AND v_key IS NOT NULL THEN
      INSERT INTO rdev.queue_key (project, key, task) SELECT l.project, v_key, p_id FROM rdev.queue_history h JOIN rdev.queue_lane l ON l.no = h.lane WHERE h.id = p_id ON CONFLICT (project, key) DO NOTHING;
      IF NOT FOUND THEN
        SELECT k.task INTO v_holder FROM rdev.queue_key k JOIN rdev.queue_lane l ON l.project = k.project JOIN rdev.queue_history h ON h.lane = l.no WHERE h.id = p_id AND k.key = v_key;
        IF v_holder <> p_id THEN RETURN v_holder::text; END IF;
      END IF;
    END IF;
    WITH a AS (DELETE FROM rdev.queue_later WHERE id = p_id RETURNING lane, priority, id, fence, payload, extra),
    b AS (DELETE FROM rdev.queue_ready r USING rdev.queue_places() p WHERE r.lane = p.o_lane AND r.priority = p.o_priority AND r.id = p_id RETURNING r.lane, r.priority, r.id, r.fence, r.payload, r.extra),
    c AS (DELETE FROM rdev.queue_history WHERE id = p_id AND status > 1 RETURNING lane, priority, id, fence, payload, extra),
    one AS (SELECT * FROM a UNION ALL SELECT * FROM b UNION ALL SELECT * FROM c)
    INSERT INTO rdev.queue_ready (lane, priority, id, fence, payload, extra, state)
    SELECT rdev.queue_lane_of_crashes(lane, 0), priority, id, fence, payload, extra, p_state FROM one;
    IF FOUND THEN
      DELETE FROM rdev.queue_dep WHERE task = p_id;
      RETURN 'ok';
    END IF;
  END LOOP;
  RAISE EXCEPTION 'task % moves too fast to be put back; try again', p_id USING ERRCODE = '40001';
END $$;
