CREATE TABLE rdev.api_key (
  id text COLLATE "C" PRIMARY KEY,
  digest text NOT NULL UNIQUE,
  revoked_at_millis bigint,
  last_used_at_millis bigint,
  data json NOT NULL
);

CREATE TABLE rdev.idempotency (
  principal text NOT NULL,
  route text NOT NULL,
  key text NOT NULL,
  body_hash text NOT NULL,
  -- When the present holder claimed it; a claim without an answer lapses.
  claimed_at_millis bigint NOT NULL,
  answer json,
  -- Whose claim it is: a holder that comes back after another has taken over finds itself refused.
  token text NOT NULL DEFAULT '',
  renewed_at_millis bigint NOT NULL DEFAULT 0,
  -- Written in the transaction of what the request does.
  effect json,
  PRIMARY KEY (principal, route, key)
);
CREATE INDEX idempotency_age ON rdev.idempotency (claimed_at_millis);

-- A data key per record, wrapped by the key-encryption key named kek_id. Both ciphertexts are bound to project, name and field.
CREATE TABLE rdev.credential (
  project_id text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  kek_id text NOT NULL,
  wrapped_key bytea NOT NULL,
  ciphertext bytea NOT NULL,
  updated_at_millis bigint NOT NULL,
  PRIMARY KEY (project_id, name)
);
CREATE INDEX credential_kek ON rdev.credential (kek_id);
