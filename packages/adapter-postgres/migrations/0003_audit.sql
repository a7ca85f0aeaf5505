-- One hash chain per project; '' is the installation's own. The head row is locked by every append until it commits.
CREATE TABLE rdev.audit_chain (
  chain text COLLATE "C" PRIMARY KEY,
  last_number bigint NOT NULL,
  last_hash text NOT NULL
);

CREATE TABLE rdev.audit_entry (
  chain text COLLATE "C" NOT NULL,
  number bigint NOT NULL,
  id text NOT NULL UNIQUE,
  data json NOT NULL,
  PRIMARY KEY (chain, number)
);
