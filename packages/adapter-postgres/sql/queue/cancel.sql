-- Status before (see status_of); a pending task is cancelled, a running one is marked for its worker.
CREATE OR REPLACE FUNCTION rdev.queue_cancel(p_id uuid) RETURNS int LANGUAGE plpgsql AS $$
DECLARE v_status int;
BEGIN
  -- A task that moves between two looks is met again at the next; it can only move so often while we hold nothing.
  FOR i IN 1..20 LOOP
    v_status := rdev.queue_status_of(p_id);
    IF v_status IS NULL OR v_status IN (1, 2, 3) THEN RETURN v_status; END IF;
    IF v_status = 4 THEN
      PERFORM FROM rdev.queue_lease WHERE p_id = ANY (ids) AND get_bit(done, array_position(ids, p_id) - 1) = 0 FOR UPDATE;
      CONTINUE WHEN NOT FOUND;
      INSERT INTO rdev.queue_cancelling VALUES (p_id) ON CONFLICT DO NOTHING;
      RETURN 4;
    END IF;
    WITH a AS (DELETE FROM rdev.queue_later WHERE id = p_id RETURNING lane, priority, id, fence, payload, extra, state),
    b AS (DELETE FROM rdev.queue_ready r USING rdev.queue_places() p WHERE r.lane = p.o_lane AND r.priority = p.o_priority AND r.id = p_id RETURNING r.lane, r.priority, r.id, r.fence, r.payload, r.extra, r.state)
    INSERT INTO rdev.queue_history (id, lane, priority, status, fence, ended_at, payload, extra, state)
    SELECT id, lane, priority, 3, fence, clock_timestamp(), payload, extra, state FROM (SELECT * FROM a UNION ALL SELECT * FROM b) x;
    IF FOUND THEN
      DELETE FROM rdev.queue_dep WHERE task = p_id;
      PERFORM rdev.queue_ended('{}', ARRAY[p_id]);
      RETURN 0;
    END IF;
  END LOOP;
  RAISE EXCEPTION 'task % moves too fast to be cancelled; try again', p_id USING ERRCODE = '40001';
END $$;
