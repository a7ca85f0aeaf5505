/** The six policies of the model, from no gates to all gates. Two attempts and two rounds of rework keep the state spaces small. */
import type { Gate, GateMode, Policy } from "../../src/model/Policy.ts"
import { leanPolicy, standardPolicy } from "../../src/model/Presets.ts"

const bounded: Policy = { ...standardPolicy, maxAttempts: 2, maxRework: 2 }

const all = (mode: GateMode, over: Partial<Record<Gate, GateMode>> = {}): Policy["gates"] => ({
  ...(Object.fromEntries(Object.keys(standardPolicy.gates).map((gate) => [gate, mode])) as Policy["gates"]),
  ...over
})

export const policies: { readonly [name: string]: Policy } = {
  standard: bounded,
  lean: { ...bounded, gates: leanPolicy.gates },
  agents: { ...bounded, gates: all("agent") },
  strict: { ...bounded, gates: all("human"), autonomy: "confirm" },
  library: {
    ...bounded,
    gates: all("auto", { spec: "human", "human-review": "human", risk: "human", merge: "human" }),
    deploy: "none"
  },
  hotfix: {
    ...bounded,
    gates: { ...bounded.gates, spec: "auto", design: "off", tasks: "auto", "qa-plan": "off", audit: "off", uat: "off" }
  }
}
