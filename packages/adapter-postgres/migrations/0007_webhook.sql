-- Fields that change stand in columns of JSON, where JSON null is a value like others; `data` holds what was fixed at creation.
CREATE TABLE rdev.webhook (
  id text COLLATE "C" PRIMARY KEY,
  previous_secret_until_millis json NOT NULL,
  disabled json NOT NULL,
  data json NOT NULL
);
