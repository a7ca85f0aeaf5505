-- The first p_n bits set.
CREATE OR REPLACE FUNCTION rdev.queue_first_bits(p_n int) RETURNS bit(512) LANGUAGE sql IMMUTABLE AS $$
  SELECT rpad(repeat('1', p_n), 512, '0')::bit(512) $$;
