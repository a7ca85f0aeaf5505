-- Deliveries of forges: each counts once, by its id and by what it says.
CREATE TABLE rdev.forge_delivery (
  project_id text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  digest text COLLATE "C" NOT NULL,
  event text COLLATE "C" NOT NULL,
  at_millis bigint NOT NULL,
  PRIMARY KEY (project_id, id),
  UNIQUE (project_id, digest)
);
CREATE INDEX forge_delivery_at ON rdev.forge_delivery (at_millis);

-- Where branches were by what was told last: one that stands elsewhere moved without a word.
CREATE TABLE rdev.forge_head (
  project_id text COLLATE "C" NOT NULL,
  ref text COLLATE "C" NOT NULL,
  sha text COLLATE "C" NOT NULL,
  PRIMARY KEY (project_id, ref)
);
