-- Whose a task is stands in queue_project.id: the id of a project, an environment, a webhook, or 'system'. Webhooks had rows under ids of
-- projects that never were, with the digits of their own. The rows keep their numbers, and with them lanes, limits and tasks.
UPDATE rdev.queue_project q SET id = 'whk_' || right(q.id, 26)
WHERE q.id LIKE 'proj\_%' AND NOT EXISTS (SELECT FROM rdev.project p WHERE p.id = q.id)
  AND (EXISTS (SELECT FROM rdev.webhook w WHERE w.id = 'whk_' || right(q.id, 26))
    OR EXISTS (SELECT FROM rdev.queue_lane l WHERE l.project = q.no AND l.kind = 'webhook.deliver'));
COMMENT ON TABLE rdev.queue_project IS 'One row for each owner of tasks: a project, an environment, a webhook or the system, named by its id.';
