-- Columns hold what changes or is looked for; `data` holds what was fixed when the operation was made.
CREATE TABLE rdev.operation (
  id text COLLATE "C" PRIMARY KEY,
  idempotency_key text COLLATE "C" NOT NULL UNIQUE,
  project_id text COLLATE "C",
  kind text NOT NULL,
  status text NOT NULL,
  direction text NOT NULL,
  error json,
  output json,
  cancel_requested boolean NOT NULL,
  lease_owner text,
  lease_epoch bigint NOT NULL,
  lease_until_millis bigint,
  wake_at_millis bigint,
  poked boolean NOT NULL,
  created_at_millis bigint NOT NULL,
  started_at_millis bigint,
  ended_at_millis bigint,
  data json NOT NULL
);
CREATE INDEX operation_of_project ON rdev.operation (project_id, id);
-- Operations that a runner may claim, oldest wake time first; few at any time.
CREATE INDEX operation_runnable ON rdev.operation ((coalesce(wake_at_millis, created_at_millis)))
  WHERE status IN ('planned', 'running', 'waiting', 'compensating');
CREATE INDEX operation_ended ON rdev.operation (ended_at_millis) WHERE status IN ('completed', 'failed', 'cancelled');

-- `number` keeps the order in which rows were first written.
CREATE TABLE rdev.operation_step (
  operation_id text COLLATE "C" NOT NULL REFERENCES rdev.operation ON DELETE CASCADE,
  key text COLLATE "C" NOT NULL,
  phase text COLLATE "C" NOT NULL,
  number bigint GENERATED ALWAYS AS IDENTITY,
  data json NOT NULL,
  PRIMARY KEY (operation_id, key, phase)
);

CREATE TABLE rdev.operation_resource (
  operation_id text COLLATE "C" NOT NULL REFERENCES rdev.operation ON DELETE CASCADE,
  key text COLLATE "C" NOT NULL,
  number bigint GENERATED ALWAYS AS IDENTITY,
  data json NOT NULL,
  PRIMARY KEY (operation_id, key)
);

CREATE TABLE rdev.operation_answer (
  operation_id text COLLATE "C" NOT NULL REFERENCES rdev.operation ON DELETE CASCADE,
  key text COLLATE "C" NOT NULL,
  value json NOT NULL,
  PRIMARY KEY (operation_id, key)
);
