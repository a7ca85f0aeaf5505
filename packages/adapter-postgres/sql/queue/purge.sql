-- Drops days that are wholly older than the age, then the oldest days while more than p_max records are kept (by the planner's count),
-- then what the default partition keeps beyond the age, and lanes that nothing refers to any more. Returns how many records left, about.
CREATE OR REPLACE FUNCTION rdev.queue_purge(p_age interval, p_max bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE v_part record; v_total bigint; v_gone bigint := 0; v_n bigint;
BEGIN
  PERFORM pg_advisory_xact_lock('rdev.queue_lease'::regclass::int, 2);
  SELECT coalesce(sum(greatest(c.reltuples, 0)), 0) INTO v_total FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'rdev.queue_history'::regclass;
  FOR v_part IN SELECT c.relname AS name, greatest(c.reltuples, 0)::bigint AS n, to_date(substr(c.relname, 15), 'YYYYMMDD') AS day
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'rdev.queue_history'::regclass AND c.relname ~ '^queue_history_[0-9]{8}$' ORDER BY c.relname
  LOOP
    EXIT WHEN v_part.day >= (now() AT TIME ZONE 'UTC')::date - 1;
    IF (v_part.day + 1)::timestamp AT TIME ZONE 'UTC' < now() - p_age OR v_total > p_max THEN
      EXECUTE format('SELECT count(*) FROM rdev.%I', v_part.name) INTO v_n;
      EXECUTE format('ALTER TABLE rdev.queue_history DETACH PARTITION rdev.%I', v_part.name);
      EXECUTE format('DROP TABLE rdev.%I', v_part.name);
      v_gone := v_gone + v_n;
      v_total := v_total - v_part.n;
    END IF;
  END LOOP;
  DELETE FROM rdev.queue_history_other WHERE ended_at < now() - p_age;
  GET DIAGNOSTICS v_n = ROW_COUNT;
  UPDATE rdev.queue_lane SET used_at = now() WHERE no IN (SELECT lane FROM rdev.queue_later UNION SELECT o_lane FROM rdev.queue_places() UNION SELECT unnest(lanes) FROM rdev.queue_lease);
  DELETE FROM rdev.queue_lane WHERE used_at < now() - p_age - interval '2 days';
  DELETE FROM rdev.queue_gate WHERE open_at < now();
  PERFORM rdev.queue_ended(
    (SELECT array_agg(on_task) FROM (SELECT DISTINCT on_task FROM rdev.queue_dep LIMIT 10000) d WHERE rdev.queue_status_of(on_task) = 1),
    (SELECT array_agg(on_task) FROM (SELECT DISTINCT on_task FROM rdev.queue_dep LIMIT 10000) d WHERE coalesce(rdev.queue_status_of(on_task), 2) IN (2, 3)));
  RETURN v_gone + v_n;
END $$;
