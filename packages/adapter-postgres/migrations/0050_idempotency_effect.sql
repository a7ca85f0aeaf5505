ALTER TABLE idempotency
  -- Whose claim it is: a holder that comes back after another has taken over finds itself refused.
  ADD COLUMN token text NOT NULL DEFAULT '',
  ADD COLUMN renewed_at_millis bigint NOT NULL DEFAULT 0,
  -- Written in the transaction of what the request does.
  ADD COLUMN effect json;
-- What was claimed before did not say whether it took effect: it may have.
UPDATE idempotency SET effect = '{"operationId":null}' WHERE answer IS NULL;
