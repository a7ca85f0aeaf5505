import { suite } from "@rdev/conformance/adapter/AdapterSuite"
import { Layer } from "effect"
import adapter from "../src/adapter.ts"

const { deployer, dns } = adapter.slots

suite("local", adapter, {
  forge: { good: {} },
  workspaces: { good: {} },
  ci: { good: {} },
  deployer: { good: {} },
  dns: { good: {} },
  edge: { good: {}, needs: Layer.merge(dns.layer({}), deployer.layer({})) },
  outputs: { good: {} },
  webhooks: { good: { allow: ["127.0.0.1"] }, bad: { allow: "127.0.0.1" }, broken: { allow: ["not a host"] } }
})
