import * as ApiKeyStoreSuite from "../src/ApiKeyStoreSuite.ts"
import * as AuditStoreSuite from "../src/AuditStoreSuite.ts"
import * as CredentialStoreSuite from "../src/CredentialStoreSuite.ts"
import * as EventLogSuite from "../src/EventLogSuite.ts"
import * as FeatureStoreSuite from "../src/FeatureStoreSuite.ts"
import * as IdempotencyStoreSuite from "../src/IdempotencyStoreSuite.ts"
import * as NotifierSuite from "../src/NotifierSuite.ts"
import * as PolicyStoreSuite from "../src/PolicyStoreSuite.ts"
import * as ProjectStoreSuite from "../src/ProjectStoreSuite.ts"
import * as UnitOfWorkSuite from "../src/UnitOfWorkSuite.ts"
import * as WebhookStoreSuite from "../src/WebhookStoreSuite.ts"
import * as ApiKeyStore from "@rdev/core/ports/ApiKeyStore"
import * as AuditStore from "@rdev/core/ports/AuditStore"
import * as CredentialStore from "@rdev/core/ports/CredentialStore"
import * as EventLog from "@rdev/core/ports/EventLog"
import * as FeatureStore from "@rdev/core/ports/FeatureStore"
import * as IdempotencyStore from "@rdev/core/ports/IdempotencyStore"
import * as Notifier from "@rdev/core/ports/Notifier"
import * as PolicyStore from "@rdev/core/ports/PolicyStore"
import * as ProjectStore from "@rdev/core/ports/ProjectStore"
import * as UnitOfWork from "@rdev/core/ports/UnitOfWork"
import * as WebhookStore from "@rdev/core/ports/WebhookStore"
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
