-- Adds plain tasks, which workers see before they are on disk: the first transaction commits without waiting, and its notification goes
-- out; the second one's commit waits for the disk, and with it for everything written before. The caller has its answer no earlier than
-- with one transaction, while a worker begins as much earlier as the disk takes. A crash in between loses a task that nobody was told is
-- there; it may have begun. Only outside of a transaction block.
CREATE OR REPLACE PROCEDURE rdev.queue_add_early(p_lanes int[], p_priorities smallint[], p_ids uuid[], p_payloads json, p_channel text) LANGUAGE plpgsql AS $$
DECLARE v_done boolean;
BEGIN
  WITH added AS (
    INSERT INTO rdev.queue_ready (lane, priority, id, payload)
      SELECT t.lane, t.priority, t.id, t.payload
      FROM ROWS FROM (unnest(p_lanes), unnest(p_priorities), unnest(p_ids), json_array_elements(p_payloads)) t(lane, priority, id, payload))
  SELECT set_config('synchronous_commit', 'off', true) IS NOT NULL AND pg_notify(p_channel, 'work') IS NOT NULL INTO v_done;
  COMMIT;
  -- Something has to be written: a commit without does not wait.
  v_done := pg_logical_emit_message(true, 'rdev', '') IS NOT NULL;
END $$;
