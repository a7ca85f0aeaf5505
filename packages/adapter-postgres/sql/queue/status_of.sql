-- 0 pending, 1 completed, 2 failed, 3 cancelled, 4 running, null = no such task.
CREATE OR REPLACE FUNCTION rdev.queue_status_of(p_id uuid) RETURNS int LANGUAGE sql STABLE AS $$
  SELECT coalesce(
    (SELECT status::int FROM rdev.queue_history WHERE id = p_id LIMIT 1),
    (SELECT 0 FROM rdev.queue_later WHERE id = p_id),
    (SELECT 1 FROM rdev.queue_lease WHERE p_id = ANY (ids) AND ended_at IS NOT NULL AND get_bit(unfiled, array_position(ids, p_id) - 1) = 1 LIMIT 1),
    (SELECT 4 FROM rdev.queue_lease WHERE p_id = ANY (ids) AND get_bit(done, array_position(ids, p_id) - 1) = 0 LIMIT 1),
    (SELECT 0 FROM rdev.queue_places() p JOIN rdev.queue_ready r ON r.lane = p.o_lane AND r.priority = p.o_priority AND r.id = p_id LIMIT 1)) $$;
