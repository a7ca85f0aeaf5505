-- The folder that holds what is not in the database (repositories, releases). One row, written by the first process that works.
CREATE TABLE work_folder (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  id text NOT NULL,
  place text NOT NULL
);
