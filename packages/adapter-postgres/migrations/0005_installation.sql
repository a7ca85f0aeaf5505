-- The folder that holds what is not in the database (repositories, releases). One row, written by the first process that works.
CREATE TABLE rdev.work_folder (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  id text NOT NULL,
  place text NOT NULL
);

-- Processes of the installation that beat: what only one of them holds (a running command) is lost when it no longer does.
CREATE TABLE rdev.replica (id text PRIMARY KEY, expires_at timestamptz NOT NULL);
