-- Partitions from yesterday to three days ahead. Attaching locks only the default partition, which is nearly empty.
CREATE OR REPLACE FUNCTION rdev.queue_make_partitions() RETURNS int LANGUAGE plpgsql AS $$
DECLARE v_day date; v_name text; v_made int := 0;
BEGIN
  IF NOT pg_try_advisory_xact_lock('rdev.queue_lease'::regclass::int, 2) THEN RETURN 0; END IF;
  FOR v_day IN SELECT d::date FROM generate_series((now() AT TIME ZONE 'UTC')::date - 1, (now() AT TIME ZONE 'UTC')::date + 3, interval '1 day') d LOOP
    v_name := 'queue_history_' || to_char(v_day, 'YYYYMMDD');
    IF to_regclass('rdev.' || v_name) IS NULL THEN
      EXECUTE format('CREATE TABLE rdev.%I (LIKE rdev.queue_history INCLUDING DEFAULTS)', v_name);
      EXECUTE format('ALTER TABLE rdev.queue_history ATTACH PARTITION rdev.%I FOR VALUES FROM (%L) TO (%L)', v_name,
        rdev.queue_least_id(v_day::timestamp AT TIME ZONE 'UTC'), rdev.queue_least_id((v_day + 1)::timestamp AT TIME ZONE 'UTC'));
      v_made := v_made + 1;
    END IF;
  END LOOP;
  RETURN v_made;
END $$;
SELECT rdev.queue_make_partitions();
