-- What was said about the policies of projects. Entries are added, never changed; the key keeps two writers from the same number.
CREATE TABLE policy_entry (
  project_id text COLLATE "C" NOT NULL,
  number int NOT NULL,
  word text NOT NULL,
  data json NOT NULL,
  PRIMARY KEY (project_id, number)
);
