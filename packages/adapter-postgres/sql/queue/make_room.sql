-- Wakes workers if the end of tasks in these lanes makes room under a limit.
CREATE OR REPLACE FUNCTION rdev.queue_make_room(p_lanes int[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM rdev.queue_lane l JOIN rdev.queue_project p ON p.no = l.project WHERE l.no = ANY (p_lanes) AND (l.concurrency_key IS NOT NULL OR p.max_running IS NOT NULL)) THEN
    PERFORM pg_notify('rdev_queue', 'work');
  END IF;
END $$;
