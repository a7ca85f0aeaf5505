-- When a project is looked at next (see core/services/sync). Rows of a version that does not know of it are due at once.
ALTER TABLE rdev.project ADD COLUMN sync_at_millis bigint NOT NULL DEFAULT 0;
CREATE INDEX project_sync ON rdev.project (sync_at_millis, id) WHERE status IN ('ready', 'failed');
