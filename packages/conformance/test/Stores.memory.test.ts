import * as ApiKeyStoreSuite from "../src/stores/ApiKeyStoreSuite.ts"
import * as AuditStoreSuite from "../src/stores/AuditStoreSuite.ts"
import * as CredentialStoreSuite from "../src/stores/CredentialStoreSuite.ts"
import * as EventLogSuite from "../src/stores/EventLogSuite.ts"
import * as FeatureStoreSuite from "../src/stores/FeatureStoreSuite.ts"
import * as IdempotencyStoreSuite from "../src/stores/IdempotencyStoreSuite.ts"
import * as NotifierSuite from "../src/stores/NotifierSuite.ts"
import * as PolicyStoreSuite from "../src/stores/PolicyStoreSuite.ts"
import * as ProjectStoreSuite from "../src/stores/ProjectStoreSuite.ts"
import * as UnitOfWorkSuite from "../src/stores/UnitOfWorkSuite.ts"
import * as WebhookStoreSuite from "../src/stores/WebhookStoreSuite.ts"
import * as ApiKeyStore from "@rdev/core/ports/stores/ApiKeyStore"
import * as AuditStore from "@rdev/core/ports/stores/AuditStore"
import * as CredentialStore from "@rdev/core/ports/stores/CredentialStore"
import * as EventLog from "@rdev/core/ports/stores/EventLog"
import * as FeatureStore from "@rdev/core/ports/stores/FeatureStore"
import * as IdempotencyStore from "@rdev/core/ports/stores/IdempotencyStore"
import * as Notifier from "@rdev/core/ports/stores/Notifier"
import * as PolicyStore from "@rdev/core/ports/stores/PolicyStore"
import * as ProjectStore from "@rdev/core/ports/stores/ProjectStore"
import * as UnitOfWork from "@rdev/core/ports/stores/UnitOfWork"
import * as WebhookStore from "@rdev/core/ports/stores/WebhookStore"
import { Layer } from "effect"

ApiKeyStoreSuite.suite("memory", ApiKeyStore.layerMemory)
AuditStoreSuite.suite("memory", AuditStore.layerMemory)
CredentialStoreSuite.suite("memory", CredentialStore.layerMemory)
EventLogSuite.suite("memory", EventLog.layerMemory, { appenders: 20 })
FeatureStoreSuite.suite("memory", FeatureStore.layerMemory)
PolicyStoreSuite.suite("memory", PolicyStore.layerMemory)
IdempotencyStoreSuite.suite("memory", IdempotencyStore.layerMemory)
NotifierSuite.suite("memory", Notifier.layerMemory)
ProjectStoreSuite.suite("memory", ProjectStore.layerMemory)
UnitOfWorkSuite.suite(
  "memory",
  Layer.mergeAll(
    UnitOfWork.layerMemory,
    ProjectStore.layerMemory,
    EventLog.layerMemory,
    AuditStore.layerMemory,
    Notifier.layerMemory
  )
)
WebhookStoreSuite.suite("memory", Layer.mergeAll(UnitOfWork.layerMemory, WebhookStore.layerMemory))
