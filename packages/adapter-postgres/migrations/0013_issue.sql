-- Which issue of a forge became which feature: an issue has one, and a feature one issue.
CREATE TABLE rdev.issue_link (
  project_id text COLLATE "C" NOT NULL,
  number bigint NOT NULL,
  slug text COLLATE "C" NOT NULL,
  data json NOT NULL,
  PRIMARY KEY (project_id, number),
  UNIQUE (project_id, slug)
);
