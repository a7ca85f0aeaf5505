-- Environments of projects, each a document like the records of projects.
CREATE TABLE rdev.environment (
  id text COLLATE "C" PRIMARY KEY,
  project_id text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  revision bigint NOT NULL,
  data json NOT NULL,
  UNIQUE (project_id, name)
);

-- Secrets belong to projects, to single environments, to webhooks: to whoever's id it is.
ALTER TABLE rdev.credential RENAME COLUMN project_id TO owner;
