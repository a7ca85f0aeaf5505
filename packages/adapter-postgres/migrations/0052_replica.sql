-- Processes of the installation that beat: what only one of them holds (a running command) is lost when it no longer does.
CREATE TABLE replica (id text PRIMARY KEY, expires_at timestamptz NOT NULL);
