-- The lane with the same attributes for tasks whose workers vanished so often (0 = the usual one).
CREATE OR REPLACE FUNCTION rdev.queue_lane_of_crashes(p_lane int, p_crashes int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE v_want smallint := least(p_crashes, 2); v_no int;
BEGIN
  SELECT o.no INTO v_no FROM rdev.queue_lane l JOIN rdev.queue_lane o ON o.project = l.project AND o.kind = l.kind AND o.requires = l.requires AND o.gate IS NOT DISTINCT FROM l.gate
    AND o.concurrency_key IS NOT DISTINCT FROM l.concurrency_key AND o.concurrency_limit = l.concurrency_limit AND o.max_attempts = l.max_attempts
    AND o.timeout_millis = l.timeout_millis AND o.suspect = v_want WHERE l.no = p_lane;
  IF v_no IS NULL THEN
    INSERT INTO rdev.queue_lane (project, kind, requires, gate, concurrency_key, concurrency_limit, max_attempts, timeout_millis, suspect)
    SELECT project, kind, requires, gate, concurrency_key, concurrency_limit, max_attempts, timeout_millis, v_want FROM rdev.queue_lane WHERE no = p_lane
    ON CONFLICT (project, kind, requires, gate, concurrency_key, concurrency_limit, max_attempts, timeout_millis, suspect) DO UPDATE SET used_at = now()
    RETURNING no INTO v_no;
  END IF;
  RETURN v_no;
END $$;
