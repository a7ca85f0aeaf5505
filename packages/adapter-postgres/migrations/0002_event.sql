-- The head row of a stream is locked by every append until it commits: seq is gapless and commits are in its order.
CREATE TABLE rdev.event_stream (
  stream text COLLATE "C" PRIMARY KEY,
  last_seq bigint NOT NULL,
  retained_from bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 50);

CREATE TABLE rdev.event (
  stream text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  time_millis bigint NOT NULL,
  type text NOT NULL,
  subject json NOT NULL,
  data json NOT NULL,
  PRIMARY KEY (stream, seq)
);
