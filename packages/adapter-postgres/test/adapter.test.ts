import { suite } from "@rdev/conformance/adapter/AdapterSuite"
import { Redacted } from "effect"
import adapter from "../src/adapter.ts"

// Nothing listens on port 9.
const nowhere = Redacted.make("postgresql://someone:hunter2hunter2@127.0.0.1:9/none")

suite("postgres", adapter, {
  stores: {
    good: {},
    bad: { pooling: "sometimes", url: nowhere },
    broken: { url: nowhere, key: Redacted.make("bm8ga2V5IGF0IGFsbCwgYnV0IDMyIGJ5dGVzIGxvbmc=") }
  },
  database: { good: { url: nowhere }, bad: { url: nowhere, connectionLimit: 0 }, broken: { url: nowhere } }
})
