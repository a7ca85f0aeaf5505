-- Drops days that are wholly older than the age, then the oldest days while more than p_max records are kept (by the planner's count),
-- then what the default partition keeps beyond the age, and lanes that nothing refers to any more. Returns how many records left, about.
CREATE OR REPLACE FUNCTION queue.purge(p_age interval, p_max bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE v_part record; v_total bigint; v_gone bigint := 0; v_n bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(7001, 2);
  SELECT coalesce(sum(greatest(c.reltuples, 0)), 0) INTO v_total FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'queue.history'::regclass;
  FOR v_part IN SELECT c.relname AS name, greatest(c.reltuples, 0)::bigint AS n, to_date(substr(c.relname, 9), 'YYYYMMDD') AS day
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'queue.history'::regclass AND c.relname ~ '^history_[0-9]{8}$' ORDER BY c.relname
  LOOP
    EXIT WHEN v_part.day >= (now() AT TIME ZONE 'UTC')::date - 1;
    IF (v_part.day + 1)::timestamp AT TIME ZONE 'UTC' < now() - p_age OR v_total > p_max THEN
      EXECUTE format('SELECT count(*) FROM queue.%I', v_part.name) INTO v_n;
      EXECUTE format('ALTER TABLE queue.history DETACH PARTITION queue.%I', v_part.name);
      EXECUTE format('DROP TABLE queue.%I', v_part.name);
      v_gone := v_gone + v_n;
      v_total := v_total - v_part.n;
    END IF;
  END LOOP;
  DELETE FROM queue.history_other WHERE ended_at < now() - p_age;
  GET DIAGNOSTICS v_n = ROW_COUNT;
  UPDATE queue.lane SET used_at = now() WHERE no IN (SELECT lane FROM queue.later UNION SELECT o_lane FROM queue.places() UNION SELECT unnest(lanes) FROM queue.lease);
  DELETE FROM queue.lane WHERE used_at < now() - p_age - interval '2 days';
  DELETE FROM queue.gate WHERE open_at < now();
  PERFORM queue.ended(
    (SELECT array_agg(on_task) FROM (SELECT DISTINCT on_task FROM queue.dep LIMIT 10000) d WHERE queue.status_of(on_task) = 1),
    (SELECT array_agg(on_task) FROM (SELECT DISTINCT on_task FROM queue.dep LIMIT 10000) d WHERE coalesce(queue.status_of(on_task), 2) IN (2, 3)));
  RETURN v_gone + v_n;
END $$;
