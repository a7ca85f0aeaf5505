-- Strikes off workers whose lease has ended and tells tasks that no worker holds any more; the caller ends each.
CREATE OR REPLACE FUNCTION rdev.queue_take_lost(p_n int) RETURNS TABLE (o_token bigint, o_worker uuid, o_claimed_at timestamptz, o_id uuid, o_lane int, o_priority smallint, o_payload json, o_extra json, o_state json) LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM rdev.queue_worker WHERE expires_at <= clock_timestamp();
  RETURN QUERY
    SELECT e.token, e.worker, e.claimed_at, u.id, u.lane, u.priority, u.payload, u.extra, u.state
    FROM rdev.queue_lease e, unnest(e.ids, e.lanes, e.priorities, e.payloads, e.extras, e.states) WITH ORDINALITY u(id, lane, priority, payload, extra, state, pos)
    WHERE NOT EXISTS (SELECT FROM rdev.queue_worker w WHERE w.id = e.worker) AND get_bit(e.done, u.pos::int - 1) = 0 LIMIT p_n;
END $$;
