/** Made from the contract by `npm run -w packages/api openapi`; a test fails while it differs. */

/** What comes back: JSON, JSON and its `etag`, bytes described by headers, a stream of bytes, or nothing. */
export type AnswerKind = "json" | "json with etag" | "bytes with headers" | "stream" | "none"
export type Route = readonly [
  method: string,
  path: string,
  query: string,
  headers: string,
  takes: "body" | "nothing",
  answer: AnswerKind
]

export const routes = {
  projects: {
    create: ["POST", "/projects", "dry_run", "prefer", "body", "json"],
    list: ["GET", "/projects", "limit cursor", "", "nothing", "json"],
    get: ["GET", "/projects/:project", "", "", "nothing", "json with etag"],
    update: ["PATCH", "/projects/:project", "", "if-match", "body", "json with etag"],
    delete: ["DELETE", "/projects/:project", "", "prefer", "nothing", "json"],
    sync: ["POST", "/projects/:project/sync", "", "", "body", "json"],
    credentials: ["GET", "/projects/:project/credentials", "", "", "nothing", "json"],
    mergeSetup: ["POST", "/projects/:project/setup", "", "", "nothing", "json"],
    createGitToken: ["POST", "/projects/:project/git-tokens", "", "", "body", "json"]
  },
  environments: {
    list: ["GET", "/projects/:project/environments", "", "", "nothing", "json"],
    get: ["GET", "/projects/:project/environments/:environment", "", "", "nothing", "json"]
  },
  components: {
    list: ["GET", "/projects/:project/components", "at", "", "nothing", "json"]
  },
  features: {
    create: ["POST", "/projects/:project/sdlc/features", "", "", "body", "json"],
    list: ["GET", "/projects/:project/sdlc/features", "limit cursor", "", "nothing", "json"],
    get: ["GET", "/projects/:project/sdlc/features/:feature", "", "", "nothing", "json"],
    next: ["GET", "/projects/:project/sdlc/features/:feature/next", "", "", "nothing", "json"],
    why: ["GET", "/projects/:project/sdlc/features/:feature/why", "", "", "nothing", "json"],
    documents: ["GET", "/projects/:project/sdlc/features/:feature/documents", "gate", "", "nothing", "json"],
    document: ["GET", "/projects/:project/sdlc/features/:feature/documents/:document", "", "", "nothing", "json"],
    diff: ["GET", "/projects/:project/sdlc/features/:feature/diff", "path", "", "nothing", "json"],
    approve: ["POST", "/projects/:project/sdlc/features/:feature/approve", "", "", "body", "json"],
    reject: ["POST", "/projects/:project/sdlc/features/:feature/reject", "", "", "body", "json"],
    waive: ["POST", "/projects/:project/sdlc/features/:feature/waive", "", "", "body", "json"],
    run: ["POST", "/projects/:project/sdlc/features/:feature/run", "", "", "nothing", "json"],
    pause: ["POST", "/projects/:project/sdlc/features/:feature/pause", "", "", "body", "json"],
    resume: ["POST", "/projects/:project/sdlc/features/:feature/resume", "", "", "nothing", "json"],
    cancel: ["POST", "/projects/:project/sdlc/features/:feature/cancel", "", "", "body", "json"],
    answer: ["POST", "/projects/:project/sdlc/features/:feature/answer", "", "", "body", "json"],
    unblock: ["POST", "/projects/:project/sdlc/features/:feature/unblock", "", "", "body", "json"]
  },
  policy: {
    get: ["GET", "/projects/:project/policy", "", "", "nothing", "json"],
    accept: ["POST", "/projects/:project/policy/accept", "", "", "body", "json"],
    reject: ["POST", "/projects/:project/policy/reject", "", "", "body", "json"]
  },
  tasks: {
    list: ["GET", "/tasks", "limit cursor status kind project", "", "nothing", "json"],
    listOfProject: ["GET", "/projects/:project/tasks", "limit cursor status kind", "", "nothing", "json"],
    get: ["GET", "/tasks/:task", "", "", "nothing", "json"],
    cancel: ["POST", "/tasks/:task/cancel", "", "", "nothing", "json"],
    retry: ["POST", "/tasks/:task/retry", "", "", "nothing", "json"],
    pool: ["GET", "/workers/pool", "", "", "nothing", "json"]
  },
  operations: {
    list: ["GET", "/operations", "limit cursor project status kind", "", "nothing", "json"],
    start: ["POST", "/projects/:project/operations", "dry_run", "prefer", "body", "json"],
    get: ["GET", "/operations/:operation", "", "prefer", "nothing", "json"],
    steps: ["GET", "/operations/:operation/steps", "", "", "nothing", "json"],
    cancel: ["POST", "/operations/:operation/cancel", "", "prefer", "nothing", "json"],
    retry: ["POST", "/operations/:operation/retry", "in_own_name", "prefer", "nothing", "json"],
    answer: ["POST", "/operations/:operation/answer", "", "prefer", "body", "json"]
  },
  trees: {
    list: ["GET", "/trees", "", "", "nothing", "json"],
    check: ["POST", "/trees/check", "", "", "body", "json"],
    run: ["POST", "/trees/runs", "dry_run", "prefer", "body", "json"]
  },
  events: {
    ofProject: ["GET", "/projects/:project/events", "after limit types feature task_id exec_id", "", "nothing", "json"],
    ofOperation: [
      "GET",
      "/operations/:operation/events",
      "after limit types feature task_id exec_id",
      "",
      "nothing",
      "json"
    ],
    ofTask: ["GET", "/tasks/:task/events", "after limit types feature task_id exec_id", "", "nothing", "json"],
    ofSystem: ["GET", "/events", "after limit types feature task_id exec_id", "", "nothing", "json"]
  },
  execs: {
    create: ["POST", "/projects/:project/workspace/execs", "", "", "body", "json"],
    get: ["GET", "/projects/:project/workspace/execs/:exec", "wait", "", "nothing", "json"],
    output: [
      "GET",
      "/projects/:project/workspace/execs/:exec/output",
      "stream offset limit",
      "",
      "nothing",
      "bytes with headers"
    ],
    kill: ["POST", "/projects/:project/workspace/execs/:exec/kill", "", "", "nothing", "json"]
  },
  audit: {
    ofProject: ["GET", "/projects/:project/audit", "limit cursor", "", "nothing", "json"],
    entriesOfProject: ["GET", "/projects/:project/audit/entries", "limit cursor", "", "nothing", "json"],
    exportOfProject: ["GET", "/projects/:project/audit/export", "", "", "nothing", "stream"],
    ofSystem: ["GET", "/audit", "limit cursor", "", "nothing", "json"],
    entriesOfSystem: ["GET", "/audit/entries", "limit cursor", "", "nothing", "json"],
    exportOfSystem: ["GET", "/audit/export", "", "", "nothing", "stream"]
  },
  catalogue: {
    templates: ["GET", "/templates", "", "", "nothing", "json"],
    agents: ["GET", "/agents", "", "", "nothing", "json"],
    adapters: ["GET", "/adapters", "", "", "nothing", "json"]
  },
  keys: {
    create: ["POST", "/keys", "", "", "body", "json"],
    list: ["GET", "/keys", "limit cursor", "", "nothing", "json"],
    revoke: ["DELETE", "/keys/:key", "", "", "nothing", "none"]
  },
  webhooks: {
    create: ["POST", "/webhooks", "", "", "body", "json"],
    list: ["GET", "/webhooks", "limit cursor", "", "nothing", "json"],
    get: ["GET", "/webhooks/:webhook", "", "", "nothing", "json"],
    remove: ["DELETE", "/webhooks/:webhook", "", "", "nothing", "none"],
    replaceSecret: ["POST", "/webhooks/:webhook/secret", "", "", "nothing", "json"],
    enable: ["POST", "/webhooks/:webhook/enable", "", "", "nothing", "json"],
    disable: ["POST", "/webhooks/:webhook/disable", "", "", "nothing", "json"],
    test: ["POST", "/webhooks/:webhook/test", "", "", "nothing", "json"],
    deliveries: ["GET", "/webhooks/:webhook/deliveries", "limit cursor status", "", "nothing", "json"],
    redeliver: ["POST", "/webhooks/:webhook/deliveries/:delivery/redeliver", "", "", "nothing", "json"]
  },
  hooks: {
    receive: ["POST", "/hooks/:adapter/:hook", "", "", "nothing", "json"]
  },
  hookSecrets: {
    replaceSecret: ["POST", "/projects/:project/hook/secret", "", "", "nothing", "none"]
  },
  system: {
    alive: ["GET", "/healthz", "", "", "nothing", "json"],
    ready: ["GET", "/readyz", "", "", "nothing", "json"],
    health: ["GET", "/health", "", "", "nothing", "json"],
    part: ["GET", "/health/:part", "", "", "nothing", "json"]
  }
} as const satisfies Readonly<Record<string, Readonly<Record<string, Route>>>>
