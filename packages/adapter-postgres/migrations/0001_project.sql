-- A record is one JSON document (json, not jsonb: it keeps every character JSON can carry); columns repeat what queries look for.
CREATE TABLE rdev.project (
  id text COLLATE "C" PRIMARY KEY,
  name text NOT NULL,
  status text NOT NULL,
  revision bigint NOT NULL,
  data json NOT NULL
);
-- A name is taken until its project is deleted.
CREATE UNIQUE INDEX project_name ON rdev.project (name) WHERE status <> 'deleted';

CREATE TABLE rdev.feature (
  id text COLLATE "C" PRIMARY KEY,
  project_id text COLLATE "C" NOT NULL,
  slug text COLLATE "C" NOT NULL,
  live boolean NOT NULL,
  data json NOT NULL,
  UNIQUE (project_id, slug)
);
CREATE INDEX feature_of_project ON rdev.feature (project_id, id);
CREATE INDEX feature_live ON rdev.feature (id) WHERE live;

-- What was said about the policies of projects. Entries are added, never changed; the key keeps two writers from the same number.
CREATE TABLE rdev.policy_entry (
  project_id text COLLATE "C" NOT NULL,
  number int NOT NULL,
  word text NOT NULL,
  data json NOT NULL,
  PRIMARY KEY (project_id, number)
);
