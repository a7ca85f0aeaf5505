-- The work queue. A task is one row that moves: ready (can run now) or later (a time, a human, a dependency, capacity), then one
-- element of a lease while it runs, then history. Ids are ULIDs as uuid, which sort alike. A lane is the set of tasks of a project
-- that share everything scheduling looks at, so that a row in ready carries one number for all of it.
CREATE TABLE rdev.queue_project (
  no int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  paused boolean NOT NULL DEFAULT false,
  weight float8 NOT NULL DEFAULT 1,
  max_running int,
  finish float8 NOT NULL DEFAULT 0              -- finish tag of start-time fair queueing, see core/queue/Fairness
) WITH (fillfactor = 50);
CREATE TABLE rdev.queue_fairness (now float8 NOT NULL) WITH (fillfactor = 10);
INSERT INTO rdev.queue_fairness VALUES (0);

CREATE TABLE rdev.queue_lane (
  no int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project int NOT NULL,
  kind text COLLATE "C" NOT NULL,
  requires text[] NOT NULL,
  gate text COLLATE "C",
  concurrency_key text COLLATE "C",
  concurrency_limit int NOT NULL,
  max_attempts int NOT NULL,
  timeout_millis bigint NOT NULL,
  suspect smallint NOT NULL,                    -- 0; 1 after one crash of the worker; 2 after more
  used_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE NULLS NOT DISTINCT (project, kind, requires, gate, concurrency_key, concurrency_limit, max_attempts, timeout_millis, suspect)
);
CREATE INDEX queue_lane_suspect ON rdev.queue_lane (no) WHERE suspect > 0;
-- Whether anything limits what runs, and what then: both are asked by every end.
CREATE INDEX queue_lane_keyed ON rdev.queue_lane (no) WHERE concurrency_key IS NOT NULL;
CREATE INDEX queue_project_limited ON rdev.queue_project (no) WHERE max_running IS NOT NULL;

-- The primary key is the only index: order, claim and the skip scan over lanes. priority is negated: lower runs first.
-- Autovacuum follows the turnover, not the size; truncation would lock the table against claims.
CREATE TABLE rdev.queue_ready (
  lane int NOT NULL,
  priority smallint NOT NULL,
  id uuid NOT NULL,
  fence bigint NOT NULL DEFAULT 0,              -- of the last delivery
  payload json NOT NULL,
  extra json,                                   -- what few tasks have: dedupeKey, dependsOn, runAtMillis
  state json,                                   -- TaskState once a delivery has ended
  PRIMARY KEY (lane, priority, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = false);

CREATE TABLE rdev.queue_later (
  id uuid PRIMARY KEY,
  run_at timestamptz NOT NULL,                  -- infinity while parked for a human
  lane int NOT NULL,
  priority smallint NOT NULL,
  fence bigint NOT NULL,
  payload json NOT NULL,
  extra json,
  state json,
  waits int NOT NULL DEFAULT 0,                 -- dependencies that have not completed
  awaits text COLLATE "C"                       -- capacity whose return starts it before run_at
);
CREATE INDEX queue_later_due ON rdev.queue_later (run_at, id) WHERE waits = 0;
CREATE INDEX queue_later_lane ON rdev.queue_later (lane, id);
CREATE INDEX queue_later_awaits ON rdev.queue_later (awaits) WHERE awaits IS NOT NULL;

CREATE TABLE rdev.queue_dep (on_task uuid NOT NULL, task uuid NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (on_task, task));
CREATE INDEX queue_dep_task ON rdev.queue_dep (task);
CREATE INDEX queue_dep_at ON rdev.queue_dep (at);
CREATE TABLE rdev.queue_key (project int NOT NULL, key text COLLATE "C" NOT NULL, task uuid NOT NULL UNIQUE, PRIMARY KEY (project, key));
CREATE TABLE rdev.queue_gate (name text COLLATE "C" PRIMARY KEY, open_at timestamptz NOT NULL);
CREATE TABLE rdev.queue_cancelling (task uuid PRIMARY KEY);
CREATE TABLE rdev.queue_progress (task uuid PRIMARY KEY, fence bigint NOT NULL, value json NOT NULL);

CREATE TABLE rdev.queue_worker (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  version text NOT NULL,
  capacity int NOT NULL,
  labels text[] NOT NULL,
  kinds text[] NOT NULL,
  running int NOT NULL DEFAULT 0,
  beat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- The last three digits of tokens: no two of a thousand claims in a row share them, however coarse the clock (the embedded engine's
-- counts milliseconds). After a crash it may start a little further back; by then the clock has moved on.
CREATE SEQUENCE rdev.queue_claim_no AS int MINVALUE 0 MAXVALUE 999 CYCLE;

-- One row per claim; its token is the fence of the tasks in it. Bit n of done says that task n has ended.
CREATE TABLE rdev.queue_lease (
  token bigint PRIMARY KEY,
  worker uuid NOT NULL,
  claimed_at timestamptz NOT NULL,
  done bit(512) NOT NULL DEFAULT repeat('0', 512)::bit(512),
  ids uuid[] NOT NULL,
  lanes int[] NOT NULL,
  priorities smallint[] NOT NULL,
  payloads json[] NOT NULL,
  extras json[],                                -- few tasks have extras or a state: null where none of the lease has
  states json[],
  ended_at timestamptz,                         -- set when everything left completed
  unfiled bit(512)                              -- bit n says that task n completed with the lease and is not in history yet
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = false);
-- Compressing arrays that live for milliseconds costs more than it saves.
ALTER TABLE rdev.queue_lease ALTER ids SET STORAGE EXTERNAL, ALTER lanes SET STORAGE EXTERNAL, ALTER priorities SET STORAGE EXTERNAL,
  ALTER payloads SET STORAGE EXTERNAL, ALTER extras SET STORAGE EXTERNAL, ALTER states SET STORAGE EXTERNAL;

-- Ended tasks, in one partition per day of creation (an id holds its time), so that retention drops tables. Rows come nearly in the
-- order of their ids: BRIN finds one by id at almost no cost to the writer.
CREATE TABLE rdev.queue_history (
  id uuid NOT NULL,
  lane int NOT NULL,
  priority smallint NOT NULL,
  status smallint NOT NULL,                     -- 1 completed, 2 failed, 3 cancelled
  fence bigint NOT NULL,
  worker uuid,                                  -- null when it did not run
  started_at timestamptz,
  ended_at timestamptz NOT NULL,
  payload json NOT NULL,
  extra json,
  state json,                                   -- completed: before the last delivery; else after it
  result json,
  progress json,
  blocked_by uuid                               -- the dependency that did not complete
) PARTITION BY RANGE (id);
CREATE INDEX queue_history_lane ON rdev.queue_history (lane, id);
CREATE INDEX queue_history_id ON rdev.queue_history USING brin (id) WITH (pages_per_range = 32);
CREATE INDEX queue_history_not_completed ON rdev.queue_history (lane, id) WHERE status <> 1;
CREATE TABLE rdev.queue_history_other PARTITION OF rdev.queue_history DEFAULT;
