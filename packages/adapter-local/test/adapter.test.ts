import { suite } from "@rdev/conformance/adapter/AdapterSuite"
import { Layer } from "effect"
import adapter from "../src/adapter.ts"

const slot = (name: "dns" | "deployer") => {
  const found = adapter.slots[name]
  if (found === undefined) throw new Error(`there is no slot ${name}`)
  return found.layer({})
}

suite("local", adapter, {
  forge: { good: {} },
  workspaces: { good: {} },
  ci: { good: {} },
  deployer: { good: {} },
  dns: { good: {} },
  edge: { good: {}, needs: Layer.merge(slot("dns"), slot("deployer")) },
  outputs: { good: {} },
  webhooks: { good: { allow: ["127.0.0.1"] }, bad: { allow: "127.0.0.1" }, broken: { allow: ["not a host"] } }
})
