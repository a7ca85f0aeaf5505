-- The number of a lane, made on first use. used_at keeps it from retention while producers may remember it.
CREATE OR REPLACE FUNCTION rdev.queue_lane_no(p_project text, p_kind text, p_requires text[], p_gate text, p_key text, p_limit int, p_attempts int, p_timeout bigint) RETURNS int LANGUAGE plpgsql AS $$
DECLARE v_project int := rdev.queue_project_no(p_project); v_no int;
BEGIN
  UPDATE rdev.queue_lane SET used_at = now() WHERE project = v_project AND kind = p_kind AND requires = p_requires AND gate IS NOT DISTINCT FROM p_gate
    AND concurrency_key IS NOT DISTINCT FROM p_key AND concurrency_limit = p_limit AND max_attempts = p_attempts AND timeout_millis = p_timeout AND suspect = 0
    RETURNING no INTO v_no;
  IF v_no IS NULL THEN
    INSERT INTO rdev.queue_lane (project, kind, requires, gate, concurrency_key, concurrency_limit, max_attempts, timeout_millis, suspect)
    VALUES (v_project, p_kind, p_requires, p_gate, p_key, p_limit, p_attempts, p_timeout, 0)
    ON CONFLICT (project, kind, requires, gate, concurrency_key, concurrency_limit, max_attempts, timeout_millis, suspect) DO UPDATE SET used_at = now()
    RETURNING no INTO v_no;
  END IF;
  RETURN v_no;
END $$;
