-- As queue/add_early, for one task: most come one by one, and without arrays the statement takes a tenth less.
CREATE OR REPLACE PROCEDURE rdev.queue_add_one_early(p_lane int, p_priority smallint, p_id uuid, p_payload json, p_channel text) LANGUAGE plpgsql AS $$
DECLARE v_done boolean;
BEGIN
  INSERT INTO rdev.queue_ready (lane, priority, id, payload) VALUES (p_lane, p_priority, p_id, p_payload);
  v_done := set_config('synchronous_commit', 'off', true) IS NOT NULL AND pg_notify(p_channel, 'work') IS NOT NULL;
  COMMIT;
  -- Something has to be written: a commit without does not wait.
  v_done := pg_logical_emit_message(true, 'rdev', '') IS NOT NULL;
END $$;
