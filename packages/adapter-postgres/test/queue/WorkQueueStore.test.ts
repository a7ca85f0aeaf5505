import * as WorkQueueSuite from "@rdev/conformance/queue/WorkQueueSuite"
import { Layer } from "effect"
import { layerEmbedded } from "../../src/engine/Database.ts"
import * as PgWorkQueueStore from "../../src/queue/PgWorkQueueStore.ts"
import * as TestPostgres from "../../src/testing/TestPostgres.ts"
import * as Advance from "./Advance.ts"

// The model knows no marks, so claims are full; fast ones are compared by the drain tests.
const store = PgWorkQueueStore.layerWith({ fullClaimMillis: 0 })
WorkQueueSuite.suite(
  "PostgreSQL",
  store.pipe(
    Layer.provideMerge(TestPostgres.layerDatabase({ schema: "Rdev-Test", settings: { search_path: "nowhere" } }))
  ),
  {
    advance: Advance.by,
    model: { runs: 25, steps: 60 }
  }
)
WorkQueueSuite.suite("embedded", store.pipe(Layer.provideMerge(layerEmbedded({ memory: true }))), {
  advance: Advance.by,
  model: { runs: 10, steps: 60 }
})
