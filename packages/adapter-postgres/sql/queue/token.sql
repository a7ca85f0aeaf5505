-- The token of a claim made at p_now as number p_no, greater than p_fence, the greatest fence among its tasks.
CREATE OR REPLACE FUNCTION rdev.queue_token(p_now timestamptz, p_no bigint, p_fence bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT p_no + 1000 * greatest(floor(extract(epoch FROM p_now) * 1000)::bigint, p_fence / 1000 + 1) $$;
