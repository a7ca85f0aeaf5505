import { suite } from "@rdev/conformance/adapter/AdapterSuite"
import adapter from "../src/adapter.ts"

suite("agents", adapter, {
  agents: {
    good: { list: [{ kind: "scripted", name: "scripted" }] },
    bad: { list: [{ kind: "scripted", name: "Not A Name" }] },
    broken: {
      list: [
        { kind: "scripted", name: "twin" },
        { kind: "scripted", name: "twin" }
      ]
    }
  }
})
