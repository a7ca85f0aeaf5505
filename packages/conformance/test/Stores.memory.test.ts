import * as ApiKeyStoreSuite from "../src/stores/ApiKeyStoreSuite.ts"
import * as AuditStoreSuite from "../src/stores/AuditStoreSuite.ts"
import * as CredentialStoreSuite from "../src/stores/CredentialStoreSuite.ts"
import * as EnvironmentStoreSuite from "../src/stores/EnvironmentStoreSuite.ts"
import * as EventLogSuite from "../src/stores/EventLogSuite.ts"
import * as FeatureStoreSuite from "../src/stores/FeatureStoreSuite.ts"
import * as IdempotencyStoreSuite from "../src/stores/IdempotencyStoreSuite.ts"
import * as NotifierSuite from "../src/stores/NotifierSuite.ts"
import * as PolicyStoreSuite from "../src/stores/PolicyStoreSuite.ts"
import * as ProjectStoreSuite from "../src/stores/ProjectStoreSuite.ts"
import * as UnitOfWorkSuite from "../src/stores/UnitOfWorkSuite.ts"
import * as ForgeStoreSuite from "../src/stores/ForgeStoreSuite.ts"
import * as IssueStoreSuite from "../src/stores/IssueStoreSuite.ts"
import * as WebhookStoreSuite from "../src/stores/WebhookStoreSuite.ts"
import * as MemoryApiKeyStore from "@rdev/core/memory/stores/ApiKeyStore"
import * as MemoryAuditStore from "@rdev/core/memory/stores/AuditStore"
import * as MemoryCredentialStore from "@rdev/core/memory/stores/CredentialStore"
import * as MemoryEnvironmentStore from "@rdev/core/memory/stores/EnvironmentStore"
import * as MemoryEventLog from "@rdev/core/memory/stores/EventLog"
import * as MemoryFeatureStore from "@rdev/core/memory/stores/FeatureStore"
import * as MemoryIdempotencyStore from "@rdev/core/memory/stores/IdempotencyStore"
import * as MemoryNotifier from "@rdev/core/memory/stores/Notifier"
import * as MemoryPolicyStore from "@rdev/core/memory/stores/PolicyStore"
import * as MemoryProjectStore from "@rdev/core/memory/stores/ProjectStore"
import * as MemoryUnitOfWork from "@rdev/core/memory/stores/UnitOfWork"
import * as MemoryForgeStore from "@rdev/core/memory/stores/ForgeStore"
import * as MemoryIssueStore from "@rdev/core/memory/stores/IssueStore"
import * as MemoryWebhookStore from "@rdev/core/memory/stores/WebhookStore"
import { Layer } from "effect"

ApiKeyStoreSuite.suite("memory", MemoryApiKeyStore.layer)
AuditStoreSuite.suite("memory", MemoryAuditStore.layer)
CredentialStoreSuite.suite("memory", MemoryCredentialStore.layer)
EnvironmentStoreSuite.suite("memory", Layer.mergeAll(MemoryUnitOfWork.layer, MemoryEnvironmentStore.layer))
EventLogSuite.suite("memory", MemoryEventLog.layer, { appenders: 20 })
FeatureStoreSuite.suite("memory", MemoryFeatureStore.layer)
PolicyStoreSuite.suite("memory", MemoryPolicyStore.layer)
IdempotencyStoreSuite.suite("memory", MemoryIdempotencyStore.layer)
NotifierSuite.suite("memory", MemoryNotifier.layer)
ProjectStoreSuite.suite("memory", MemoryProjectStore.layer)
UnitOfWorkSuite.suite(
  "memory",
  Layer.mergeAll(
    MemoryUnitOfWork.layer,
    MemoryProjectStore.layer,
    MemoryEventLog.layer,
    MemoryAuditStore.layer,
    MemoryNotifier.layer
  )
)
ForgeStoreSuite.suite("memory", Layer.mergeAll(MemoryUnitOfWork.layer, MemoryForgeStore.layer))
IssueStoreSuite.suite("memory", Layer.mergeAll(MemoryUnitOfWork.layer, MemoryIssueStore.layer))
WebhookStoreSuite.suite("memory", Layer.mergeAll(MemoryUnitOfWork.layer, MemoryWebhookStore.layer))
