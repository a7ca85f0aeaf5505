-- One task that is not plain: a dedupe key, a time, or dependencies. Returns the id of the holder of the key, else its own.
CREATE OR REPLACE FUNCTION rdev.queue_insert_special(p_lane int, p_priority smallint, p_id uuid, p_payload json, p_extra json, p_key text, p_run_at timestamptz, p_depends uuid[]) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE v_holder uuid; v_on uuid; v_status int; v_waits int := 0; v_blocked uuid;
BEGIN
  FOREACH v_on IN ARRAY p_depends LOOP
    v_status := rdev.queue_status_of(v_on);
    IF v_status IS NULL THEN RAISE EXCEPTION 'dependency % does not exist', v_on USING ERRCODE = 'RQ001', DETAIL = v_on::text; END IF;
  END LOOP;
  IF p_key IS NOT NULL THEN
    LOOP
      INSERT INTO rdev.queue_key (project, key, task) SELECT l.project, p_key, p_id FROM rdev.queue_lane l WHERE l.no = p_lane ON CONFLICT (project, key) DO NOTHING;
      EXIT WHEN FOUND;
      SELECT k.task INTO v_holder FROM rdev.queue_key k JOIN rdev.queue_lane l ON l.project = k.project WHERE l.no = p_lane AND k.key = p_key;
      IF FOUND THEN RETURN v_holder; END IF;
    END LOOP;
  END IF;
  FOREACH v_on IN ARRAY p_depends LOOP
    v_status := rdev.queue_status_of(v_on);
    IF v_status IN (0, 4) THEN
      INSERT INTO rdev.queue_dep (on_task, task) VALUES (v_on, p_id) ON CONFLICT DO NOTHING;
      IF FOUND THEN v_waits := v_waits + 1; END IF;
    ELSIF v_status IN (2, 3) AND v_blocked IS NULL THEN v_blocked := v_on;
    END IF;
  END LOOP;
  IF v_blocked IS NOT NULL THEN
    DELETE FROM rdev.queue_dep WHERE task = p_id;
    DELETE FROM rdev.queue_key WHERE task = p_id;
    INSERT INTO rdev.queue_history (id, lane, priority, status, fence, ended_at, payload, extra, blocked_by) VALUES (p_id, p_lane, p_priority, 2, 0, clock_timestamp(), p_payload, p_extra, v_blocked);
  ELSIF v_waits > 0 OR p_run_at > clock_timestamp() THEN
    INSERT INTO rdev.queue_later (id, run_at, lane, priority, fence, payload, extra, waits) VALUES (p_id, coalesce(p_run_at, '-infinity'), p_lane, p_priority, 0, p_payload, p_extra, v_waits);
  ELSE
    INSERT INTO rdev.queue_ready (lane, priority, id, payload, extra) VALUES (p_lane, p_priority, p_id, p_payload, p_extra);
  END IF;
  RETURN p_id;
END $$;
