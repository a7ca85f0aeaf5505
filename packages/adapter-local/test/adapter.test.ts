import { suite } from "@rdev/conformance/adapter/AdapterSuite"
import { Layer } from "effect"
import adapter from "../src/adapter.ts"

const { deployer, dns, router } = adapter.slots

suite("local", adapter, {
  forge: { good: {} },
  workspaces: { good: {} },
  ci: { good: {} },
  builder: { good: {} },
  deployer: { good: {} },
  router: { good: {} },
  dns: { good: {} },
  edge: {
    good: {},
    needs: Layer.merge(deployer.layer({}), router.layer({})).pipe(Layer.provideMerge(dns.layer({})))
  },
  outputs: { good: {} },
  webhooks: { good: { allow: ["127.0.0.1"] }, bad: { allow: "127.0.0.1" }, broken: { allow: ["not a host"] } }
})
