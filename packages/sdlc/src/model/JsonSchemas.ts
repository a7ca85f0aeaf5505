/** JSON Schemas (draft 2020-12) of the files of a feature. Generated from the schemas by `npm run schemas`; do not edit. */
import type { JsonSchema } from "./Validate.ts"

export const eventEnvelope: JsonSchema = {
  type: "object",
  properties: {
    v: { type: "number", enum: [1] },
    id: { type: "string", pattern: "^[0-7][0-9A-HJKMNP-TV-Z]{25}$" },
    parents: { type: "array", items: { type: "string", pattern: "^[0-7][0-9A-HJKMNP-TV-Z]{25}$" } },
    chain: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
    actor: {
      type: "object",
      properties: {
        id: { type: "string", minLength: 1 },
        type: { type: "string", enum: ["human", "agent", "ci", "platform"] },
        model: { type: "string" },
        session: { type: "string" }
      },
      required: ["id", "type"],
      additionalProperties: false
    },
    at: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,9})?Z$" },
    signature: {
      type: "object",
      properties: { key: { type: "string", minLength: 1 }, ed25519: { type: "string", minLength: 1 } },
      required: ["key", "ed25519"],
      additionalProperties: false
    },
    type: { type: "string" },
    data: { type: "object" }
  },
  required: ["v", "id", "parents", "actor", "type", "at", "data"],
  additionalProperties: false
}

/** Schema of `data` by event type. */
export const eventData: Readonly<Record<string, JsonSchema>> = {
  "feature-created": {
    type: "object",
    properties: {
      slug: { type: "string", pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$" },
      title: { type: "string" },
      kind: { type: "string", enum: ["feature", "bugfix", "refactor", "hotfix"] },
      preset: { type: "string" },
      deps: { type: "array", items: { type: "string", pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$" } }
    },
    required: ["slug", "title", "kind"],
    additionalProperties: false
  },
  "feature-imported": {
    type: "object",
    properties: {
      from: { type: "string" },
      says: { type: "string" },
      evidence: { type: "string", enum: ["imported, unverified"] }
    },
    required: ["from", "says", "evidence"],
    additionalProperties: false
  },
  "feature-amended": {
    type: "object",
    properties: {
      title: { type: "string" },
      deps: { type: "array", items: { type: "string", pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$" } }
    },
    additionalProperties: false
  },
  "phase-moved": {
    type: "object",
    properties: {
      from: {
        type: "string",
        enum: ["draft", "specified", "planned", "ready", "implementation", "review", "audit", "qa", "merge", "released"]
      },
      to: {
        type: "string",
        enum: ["draft", "specified", "planned", "ready", "implementation", "review", "audit", "qa", "merge", "released"]
      },
      rule: { type: "string" },
      reason: { type: "string" },
      policyRev: { type: "string" },
      cause: { type: "string", enum: ["base"] }
    },
    required: ["from", "to", "rule", "reason"],
    additionalProperties: false
  },
  paused: {
    type: "object",
    properties: { reason: { type: "string" } },
    required: ["reason"],
    additionalProperties: false
  },
  resumed: { type: "object", properties: { reason: { type: "string" } }, additionalProperties: false },
  cancelled: {
    type: "object",
    properties: { reason: { type: "string" } },
    required: ["reason"],
    additionalProperties: false
  },
  archived: { type: "object", properties: {}, additionalProperties: false },
  "artifact-submitted": {
    type: "object",
    properties: {
      kind: { type: "string", enum: ["spec", "design", "tasks", "qa-plan", "review", "audit", "qa-report"] },
      hash: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      upstream: {
        type: "object",
        additionalProperties: {
          anyOf: [{ type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" }, { type: "null" }]
        }
      }
    },
    required: ["kind", "hash", "upstream"],
    additionalProperties: false
  },
  verdict: {
    type: "object",
    properties: {
      gate: {
        type: "string",
        enum: ["spec", "design", "tasks", "qa-plan", "start", "human-review", "risk", "uat", "merge", "action"]
      },
      subject: { anyOf: [{ type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" }, { type: "null" }] },
      upstream: {
        type: "object",
        additionalProperties: {
          anyOf: [{ type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" }, { type: "null" }]
        }
      },
      verdict: { type: "string", enum: ["approve", "reject", "waive"] },
      reason: { type: "string" },
      evidence: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" }
    },
    required: ["gate", "subject", "verdict"],
    additionalProperties: false
  },
  "claim-taken": { type: "object", properties: { slot: { type: "string" } }, additionalProperties: false },
  "claim-released": { type: "object", properties: { reason: { type: "string" } }, additionalProperties: false },
  "branch-provisioned": {
    type: "object",
    properties: {
      branch: { type: "string" },
      base: { type: "string" },
      sha: { type: "string" },
      resources: { type: "array", items: { type: "string" } }
    },
    required: ["branch"],
    additionalProperties: false
  },
  "branch-updated": {
    type: "object",
    properties: {
      base: { type: "string" },
      from: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      to: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" }
    },
    required: ["base", "from", "to"],
    additionalProperties: false
  },
  "branch-lost": {
    type: "object",
    properties: { reason: { type: "string" } },
    required: ["reason"],
    additionalProperties: false
  },
  "cleanup-recorded": {
    type: "object",
    properties: { resources: { type: "array", items: { type: "string" } } },
    required: ["resources"],
    additionalProperties: false
  },
  "tasks-materialised": {
    type: "object",
    properties: {
      planHash: {
        anyOf: [{ type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" }, { type: "null" }]
      },
      tasks: {
        type: "array",
        items: {
          type: "object",
          properties: {
            id: { type: "string", pattern: "^task-\\d{3,6}$" },
            title: { type: "string" },
            deps: { type: "array", items: { type: "string", pattern: "^task-\\d{3,6}$" } },
            covers: { type: "array", items: { type: "string" } },
            writes: { type: "array", items: { type: "string" } },
            verify: { type: "array", items: { type: "string" } }
          },
          required: ["id", "title", "deps", "covers", "writes", "verify"],
          additionalProperties: false
        }
      }
    },
    required: ["planHash", "tasks"],
    additionalProperties: false
  },
  "fix-tasks-added": {
    type: "object",
    properties: {
      origin: { type: "string", enum: ["plan", "review", "audit", "qa", "ci", "rollback"] },
      tasks: {
        type: "array",
        items: {
          type: "object",
          properties: {
            id: { type: "string", pattern: "^task-\\d{3,6}$" },
            title: { type: "string" },
            deps: { type: "array", items: { type: "string", pattern: "^task-\\d{3,6}$" } },
            covers: { type: "array", items: { type: "string" } },
            writes: { type: "array", items: { type: "string" } },
            verify: { type: "array", items: { type: "string" } }
          },
          required: ["id", "title", "deps", "covers", "writes", "verify"],
          additionalProperties: false
        }
      },
      reason: { type: "string" }
    },
    required: ["origin", "tasks"],
    additionalProperties: false
  },
  "task-started": {
    type: "object",
    properties: { task: { type: "string", pattern: "^task-\\d{3,6}$" } },
    required: ["task"],
    additionalProperties: false
  },
  "task-claimed": {
    type: "object",
    properties: {
      task: { type: "string", pattern: "^task-\\d{3,6}$" },
      sha: { type: "string" },
      note: { type: "string" }
    },
    required: ["task"],
    additionalProperties: false
  },
  "task-verified": {
    type: "object",
    properties: {
      task: { type: "string", pattern: "^task-\\d{3,6}$" },
      evidence: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" }
    },
    required: ["task", "evidence"],
    additionalProperties: false
  },
  "task-failed": {
    type: "object",
    properties: { task: { type: "string", pattern: "^task-\\d{3,6}$" }, reason: { type: "string" } },
    required: ["task", "reason"],
    additionalProperties: false
  },
  "task-blocked": {
    type: "object",
    properties: { task: { type: "string", pattern: "^task-\\d{3,6}$" }, reason: { type: "string" } },
    required: ["task", "reason"],
    additionalProperties: false
  },
  "task-unblocked": {
    type: "object",
    properties: { task: { type: "string", pattern: "^task-\\d{3,6}$" }, reason: { type: "string" } },
    required: ["task"],
    additionalProperties: false
  },
  "pr-opened": {
    type: "object",
    properties: {
      number: { type: "integer", minimum: -9007199254740991, maximum: 9007199254740991 },
      url: { type: "string" }
    },
    required: ["number"],
    additionalProperties: false
  },
  "pr-closed": {
    type: "object",
    properties: {
      number: { type: "integer", minimum: -9007199254740991, maximum: 9007199254740991 },
      reason: { type: "string" }
    },
    required: ["number"],
    additionalProperties: false
  },
  "pr-reopened": {
    type: "object",
    properties: { number: { type: "integer", minimum: -9007199254740991, maximum: 9007199254740991 } },
    required: ["number"],
    additionalProperties: false
  },
  "ci-started": {
    type: "object",
    properties: {
      tree: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      sha: { type: "string" },
      run: { type: "string" },
      url: { type: "string" }
    },
    required: ["tree", "sha", "run"],
    additionalProperties: false
  },
  "ci-recorded": {
    type: "object",
    properties: {
      tree: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      patch: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      sha: { type: "string" },
      run: { type: "string" },
      status: { type: "string", enum: ["passed", "failed", "infra"] },
      job: { type: "string" },
      url: { type: "string" }
    },
    required: ["tree", "sha", "run", "status"],
    additionalProperties: false
  },
  "review-started": {
    type: "object",
    properties: {
      tree: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      patch: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      sha: { type: "string" },
      run: { type: "string" }
    },
    required: ["tree"],
    additionalProperties: false
  },
  "review-recorded": {
    type: "object",
    properties: {
      tree: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      patch: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      sha: { type: "string" },
      verdict: { type: "string", enum: ["approve", "changes"] },
      findings: {
        type: "array",
        items: {
          type: "object",
          properties: {
            id: { type: "string", minLength: 1 },
            severity: { type: "string", enum: ["info", "low", "medium", "high", "critical"] },
            title: { type: "string" },
            detail: { type: "string" },
            file: { type: "string" },
            line: { type: "integer", minimum: -9007199254740991, maximum: 9007199254740991 }
          },
          required: ["id", "severity", "title"],
          additionalProperties: false
        }
      },
      summary: { type: "string" }
    },
    required: ["tree", "verdict", "findings"],
    additionalProperties: false
  },
  "thread-opened": {
    type: "object",
    properties: { thread: { type: "string" }, message: { type: "string" }, url: { type: "string" } },
    required: ["thread"],
    additionalProperties: false
  },
  "thread-resolved": {
    type: "object",
    properties: { thread: { type: "string" } },
    required: ["thread"],
    additionalProperties: false
  },
  "audit-started": {
    type: "object",
    properties: {
      tree: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      patch: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      sha: { type: "string" },
      run: { type: "string" }
    },
    required: ["tree"],
    additionalProperties: false
  },
  "audit-recorded": {
    type: "object",
    properties: {
      tree: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      patch: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      sha: { type: "string" },
      findings: {
        type: "array",
        items: {
          type: "object",
          properties: {
            id: { type: "string", minLength: 1 },
            severity: { type: "string", enum: ["info", "low", "medium", "high", "critical"] },
            title: { type: "string" },
            detail: { type: "string" },
            file: { type: "string" },
            line: { type: "integer", minimum: -9007199254740991, maximum: 9007199254740991 }
          },
          required: ["id", "severity", "title"],
          additionalProperties: false
        }
      },
      valid: { type: "boolean" },
      problem: { type: "string" }
    },
    required: ["tree", "findings", "valid"],
    additionalProperties: false
  },
  "finding-disposed": {
    type: "object",
    properties: {
      finding: { type: "string" },
      disposition: { type: "string", enum: ["fix", "track", "accept", "false-positive"] },
      reason: { type: "string" },
      reference: { type: "string" }
    },
    required: ["finding", "disposition", "reason"],
    additionalProperties: false
  },
  "qa-started": {
    type: "object",
    properties: {
      tree: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      patch: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      sha: { type: "string" },
      run: { type: "string" }
    },
    required: ["tree"],
    additionalProperties: false
  },
  "qa-recorded": {
    type: "object",
    properties: {
      tree: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      patch: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      sha: { type: "string" },
      checks: {
        type: "array",
        items: {
          type: "object",
          properties: {
            id: { type: "string", minLength: 1 },
            scenario: { type: "string" },
            status: { type: "string", enum: ["passed", "failed", "not-run"] },
            detail: { type: "string" },
            evidence: { type: "string" }
          },
          required: ["id", "status"],
          additionalProperties: false
        }
      }
    },
    required: ["tree", "checks"],
    additionalProperties: false
  },
  "evidence-attached": {
    type: "object",
    properties: {
      tree: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      patch: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" },
      sha: { type: "string" },
      check: { type: "string" },
      evidence: { type: "string", pattern: "^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$" }
    },
    required: ["tree", "check", "evidence"],
    additionalProperties: false
  },
  "merge-queued": {
    type: "object",
    properties: {
      sha: { type: "string" },
      position: { type: "integer", minimum: -9007199254740991, maximum: 9007199254740991 }
    },
    required: ["sha"],
    additionalProperties: false
  },
  "merge-dequeued": {
    type: "object",
    properties: { reason: { type: "string" } },
    required: ["reason"],
    additionalProperties: false
  },
  "merge-ejected": {
    type: "object",
    properties: { reason: { type: "string" } },
    required: ["reason"],
    additionalProperties: false
  },
  merged: {
    type: "object",
    properties: { sha: { type: "string" }, outOfBand: { type: "boolean" } },
    required: ["sha", "outOfBand"],
    additionalProperties: false
  },
  "deploy-started": {
    type: "object",
    properties: { deploy: { type: "string" }, sha: { type: "string" }, environment: { type: "string" } },
    required: ["deploy", "sha", "environment"],
    additionalProperties: false
  },
  "deploy-recorded": {
    type: "object",
    properties: {
      deploy: { type: "string" },
      status: { type: "string", enum: ["succeeded", "failed"] },
      url: { type: "string" },
      error: { type: "string" }
    },
    required: ["deploy", "status"],
    additionalProperties: false
  },
  "release-verified": {
    type: "object",
    properties: { deploy: { type: "string" }, version: { type: "string" } },
    required: ["deploy"],
    additionalProperties: false
  },
  "release-unhealthy": {
    type: "object",
    properties: { deploy: { type: "string" }, check: { type: "string" } },
    required: ["deploy", "check"],
    additionalProperties: false
  },
  "rollback-started": {
    type: "object",
    properties: { deploy: { type: "string" } },
    required: ["deploy"],
    additionalProperties: false
  },
  "rollback-recorded": {
    type: "object",
    properties: {
      deploy: { type: "string" },
      status: { type: "string", enum: ["succeeded", "failed"] },
      error: { type: "string" }
    },
    required: ["deploy", "status"],
    additionalProperties: false
  },
  "incident-opened": {
    type: "object",
    properties: { incident: { type: "string" }, cause: { type: "string" } },
    required: ["incident", "cause"],
    additionalProperties: false
  },
  "incident-closed": {
    type: "object",
    properties: { incident: { type: "string" } },
    required: ["incident"],
    additionalProperties: false
  },
  "sync-recorded": {
    type: "object",
    properties: { specs: { type: "array", items: { type: "string" } } },
    required: ["specs"],
    additionalProperties: false
  },
  "escalation-opened": {
    type: "object",
    properties: { escalation: { type: "string" }, question: { type: "string" }, rule: { type: "string" } },
    required: ["escalation", "question", "rule"],
    additionalProperties: false
  },
  "escalation-answered": {
    type: "object",
    properties: {
      escalation: { type: "string" },
      answer: { type: "string" },
      budget: {
        type: "object",
        properties: { usd: { type: "number" }, tokens: { type: "number" }, agentMinutes: { type: "number" } },
        additionalProperties: false
      }
    },
    required: ["escalation", "answer"],
    additionalProperties: false
  },
  "blocker-opened": {
    type: "object",
    properties: {
      blocker: { type: "string" },
      needs: { type: "string", enum: ["human", "agent"] },
      reason: { type: "string" }
    },
    required: ["blocker", "needs", "reason"],
    additionalProperties: false
  },
  "blocker-cleared": {
    type: "object",
    properties: { blocker: { type: "string" }, answer: { type: "string" } },
    required: ["blocker"],
    additionalProperties: false
  },
  "attempt-recorded": {
    type: "object",
    properties: {
      rule: { type: "string" },
      subject: { type: "string" },
      outcome: { type: "string", enum: ["succeeded", "failed"] },
      reason: { type: "string" }
    },
    required: ["rule", "outcome"],
    additionalProperties: false
  },
  "rework-counted": {
    type: "object",
    properties: { rule: { type: "string" }, reason: { type: "string" } },
    required: ["rule"],
    additionalProperties: false
  },
  "cost-recorded": {
    type: "object",
    properties: {
      cost: {
        type: "object",
        properties: { usd: { type: "number" }, tokens: { type: "number" }, agentMinutes: { type: "number" } },
        additionalProperties: false
      },
      reason: { type: "string" }
    },
    required: ["cost"],
    additionalProperties: false
  }
}

export const policyFile: JsonSchema = {
  type: "object",
  properties: {
    v: { type: "number", enum: [1] },
    gates: {
      type: "object",
      properties: {
        spec: { type: "string", enum: ["human", "agent", "auto", "off"] },
        design: { type: "string", enum: ["human", "agent", "auto", "off"] },
        tasks: { type: "string", enum: ["human", "agent", "auto", "off"] },
        "qa-plan": { type: "string", enum: ["human", "agent", "auto", "off"] },
        start: { type: "string", enum: ["human", "agent", "auto", "off"] },
        "agent-review": { type: "string", enum: ["human", "agent", "auto", "off"] },
        "human-review": { type: "string", enum: ["human", "agent", "auto", "off"] },
        audit: { type: "string", enum: ["human", "agent", "auto", "off"] },
        risk: { type: "string", enum: ["human", "agent", "auto", "off"] },
        uat: { type: "string", enum: ["human", "agent", "auto", "off"] },
        merge: { type: "string", enum: ["human", "agent", "auto", "off"] }
      },
      additionalProperties: false
    },
    separationOfDuties: { type: "boolean" },
    waive: { type: "string", enum: ["human", "agent", "off"] },
    reviewers: { type: "integer", minimum: 1, maximum: 1000 },
    blockSeverity: { type: "string", enum: ["info", "low", "medium", "high", "critical"] },
    maxAttempts: { type: "integer", minimum: 1, maximum: 1000 },
    maxRework: { type: "integer", minimum: 1, maximum: 1000 },
    wip: { type: "integer", minimum: 1, maximum: 1000 },
    budget: {
      type: "object",
      properties: { usd: { type: "number" }, tokens: { type: "number" }, agentMinutes: { type: "number" } },
      additionalProperties: false
    },
    autonomy: { type: "string", enum: ["auto", "confirm"] },
    freeze: {
      type: "array",
      items: {
        type: "object",
        properties: {
          from: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,9})?Z$" },
          until: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,9})?Z$" },
          reason: { type: "string" }
        },
        required: ["from", "until"],
        additionalProperties: false
      }
    },
    deploy: { type: "string", enum: ["required", "none"] },
    language: { type: "string", pattern: "^[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}$" },
    lint: {
      type: "object",
      properties: { requirementForm: { type: "string", enum: ["error", "warn", "off"] } },
      additionalProperties: false
    },
    keyring: {
      type: "array",
      items: {
        type: "object",
        properties: {
          id: { type: "string", minLength: 1 },
          ed25519: { type: "string", minLength: 1 },
          principals: { type: "array", items: { type: "string" } }
        },
        required: ["id", "ed25519"],
        additionalProperties: false
      }
    },
    presets: {
      type: "object",
      additionalProperties: {
        type: "object",
        properties: {
          gates: {
            type: "object",
            properties: {
              spec: { type: "string", enum: ["human", "agent", "auto", "off"] },
              design: { type: "string", enum: ["human", "agent", "auto", "off"] },
              tasks: { type: "string", enum: ["human", "agent", "auto", "off"] },
              "qa-plan": { type: "string", enum: ["human", "agent", "auto", "off"] },
              start: { type: "string", enum: ["human", "agent", "auto", "off"] },
              "agent-review": { type: "string", enum: ["human", "agent", "auto", "off"] },
              "human-review": { type: "string", enum: ["human", "agent", "auto", "off"] },
              audit: { type: "string", enum: ["human", "agent", "auto", "off"] },
              risk: { type: "string", enum: ["human", "agent", "auto", "off"] },
              uat: { type: "string", enum: ["human", "agent", "auto", "off"] },
              merge: { type: "string", enum: ["human", "agent", "auto", "off"] }
            },
            additionalProperties: false
          },
          separationOfDuties: { type: "boolean" },
          waive: { type: "string", enum: ["human", "agent", "off"] },
          reviewers: { type: "integer", minimum: 1, maximum: 1000 },
          blockSeverity: { type: "string", enum: ["info", "low", "medium", "high", "critical"] },
          maxAttempts: { type: "integer", minimum: 1, maximum: 1000 },
          maxRework: { type: "integer", minimum: 1, maximum: 1000 },
          wip: { type: "integer", minimum: 1, maximum: 1000 },
          budget: {
            type: "object",
            properties: { usd: { type: "number" }, tokens: { type: "number" }, agentMinutes: { type: "number" } },
            additionalProperties: false
          },
          autonomy: { type: "string", enum: ["auto", "confirm"] },
          freeze: {
            type: "array",
            items: {
              type: "object",
              properties: {
                from: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,9})?Z$" },
                until: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,9})?Z$" },
                reason: { type: "string" }
              },
              required: ["from", "until"],
              additionalProperties: false
            }
          },
          deploy: { type: "string", enum: ["required", "none"] }
        },
        additionalProperties: false
      }
    }
  },
  additionalProperties: false
}

export const featureFile: JsonSchema = {
  type: "object",
  properties: {
    v: { type: "number", enum: [1] },
    id: { type: "string", pattern: "^[0-7][0-9A-HJKMNP-TV-Z]{25}$" },
    slug: { type: "string", pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$" },
    title: { type: "string" },
    kind: { type: "string", enum: ["feature", "bugfix", "refactor", "hotfix"] },
    created: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,9})?Z$" },
    sources: {
      type: "object",
      properties: {
        format: { type: "string", enum: ["spec-kit", "openspec", "kiro", "task-master", "bmad", "legacy"] },
        spec: { type: "array", items: { type: "string" } },
        design: { type: "array", items: { type: "string" } },
        tasks: { type: "array", items: { type: "string" } },
        "qa-plan": { type: "array", items: { type: "string" } },
        review: { type: "array", items: { type: "string" } },
        audit: { type: "array", items: { type: "string" } },
        "qa-report": { type: "array", items: { type: "string" } }
      },
      required: ["format"],
      additionalProperties: false
    }
  },
  required: ["v", "id", "slug", "title", "kind", "created"],
  additionalProperties: false
}
