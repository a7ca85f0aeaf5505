-- The number of a project, made on first use.
CREATE OR REPLACE FUNCTION rdev.queue_project_no(p_id text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE v_no int;
BEGIN
  SELECT no INTO v_no FROM rdev.queue_project WHERE id = p_id;
  IF v_no IS NULL THEN
    INSERT INTO rdev.queue_project (id) VALUES (p_id) ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING no INTO v_no;
  END IF;
  RETURN v_no;
END $$;
