/** All stores of this package over one Database, so that a unit of work spans them. */
import { Layer } from "effect"
import { layerUnitOfWork } from "../engine/Database.ts"
import * as Keyring from "../secrets/Keyring.ts"
import * as PgApiKeyStore from "./PgApiKeyStore.ts"
import * as PgAuditStore from "./PgAuditStore.ts"
import * as PgCredentialStore from "../secrets/PgCredentialStore.ts"
import * as PgEnvironmentStore from "./PgEnvironmentStore.ts"
import * as PgEventLog from "./PgEventLog.ts"
import * as PgFeatureStore from "./PgFeatureStore.ts"
import * as PgForgeStore from "./PgForgeStore.ts"
import * as PgIdempotencyStore from "./PgIdempotencyStore.ts"
import * as PgIssueStore from "./PgIssueStore.ts"
import * as PgNotifier from "./PgNotifier.ts"
import * as PgOperationStore from "./PgOperationStore.ts"
import * as PgPolicyStore from "./PgPolicyStore.ts"
import * as PgProjectStore from "./PgProjectStore.ts"
import * as PgWebhookStore from "./PgWebhookStore.ts"

/** Needs a Database and, for credentials, a Keyring. */
export const layerNoKeyring = Layer.mergeAll(
  layerUnitOfWork,
  PgProjectStore.layer,
  PgPolicyStore.layer,
  PgFeatureStore.layer,
  PgEnvironmentStore.layer,
  PgOperationStore.layer,
  PgEventLog.layer,
  PgAuditStore.layer,
  PgApiKeyStore.layer,
  PgIdempotencyStore.layer,
  PgCredentialStore.layer,
  PgWebhookStore.layer,
  PgForgeStore.layer,
  PgIssueStore.layer,
  PgNotifier.layer
)

/** Needs the embedded engine, whose data folder has the keys. */
export const layer = Layer.provide(layerNoKeyring, Keyring.layer)
