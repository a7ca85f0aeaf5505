-- Gives back what a living worker was handed without knowing it (the answer to its claim was lost): leases older than p_age that are
-- not among p_held. Nobody runs these, and no heartbeat of another would ever end them. Returns how many tasks went back.
CREATE OR REPLACE FUNCTION rdev.queue_return_unheld(p_worker uuid, p_held bigint[], p_age interval) RETURNS int LANGUAGE plpgsql AS $$
DECLARE v_tokens bigint[]; v_ids uuid[]; v_states json[]; v_crashes int[]; v_n int;
BEGIN
  SELECT array_agg(e.token), array_agg(u.id), array_agg(u.state), array_agg(coalesce((u.state ->> 'crashes')::int, 0)) INTO v_tokens, v_ids, v_states, v_crashes
    FROM rdev.queue_lease e, unnest(e.ids, e.states) WITH ORDINALITY u(id, state, pos)
    WHERE e.worker = p_worker AND e.token <> ALL (p_held) AND e.claimed_at < clock_timestamp() - p_age AND get_bit(e.done, u.pos::int - 1) = 0;
  v_n := coalesce(cardinality(v_ids), 0);
  IF v_n > 0 THEN
    PERFORM rdev.queue_settle(v_tokens, v_ids, array_fill(0::smallint, ARRAY[v_n]), array_fill(NULL::json, ARRAY[v_n]), array_fill(NULL::json, ARRAY[v_n]), v_states,
      v_crashes, array_fill(0::bigint, ARRAY[v_n]), array_fill(NULL::text, ARRAY[v_n]));
  END IF;
  RETURN v_n;
END $$;
