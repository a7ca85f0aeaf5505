import { suite } from "@rdev/conformance/agents/AgentHarnessSuite"
import { Layer } from "effect"
import * as AgentRegistry from "../src/AgentRegistry.ts"
import * as HostProcess from "./HostProcess.ts"

/** A small agent in a shell: does what its prompt says. */
const shell = (script: string) =>
  ({ kind: "command", name: "shell", argv: ["sh", "-c", script], stdin: "prompt", format: "plain" }) as const
const script = `
read -r prompt
case "$prompt" in
  hang) printf 'working\\033[31m\\n'; while :; do sleep 1; done ;;
  fail) echo 'API Error: 401 {"error":{"type":"authentication_error","message":"invalid x-api-key"}}' >&2; exit 1 ;;
  flood) node -e 'const line = "x".repeat(1023) + "\\n"; for (let i = 0; i < 24576; i++) process.stdout.write(line)' ;;
  *) printf 'hello \\033[1mworld\\033[0m\\r\\n'; head -c 2000 /dev/urandom; echo ;;
esac`

suite("command", AgentRegistry.layer({ agents: [shell(script)] }).pipe(Layer.provideMerge(HostProcess.layer())), {
  harness: "shell",
  succeeds: { prompt: "hello" },
  fails: { job: { prompt: "fail" }, reason: "AuthFailed" },
  hangs: { prompt: "hang" },
  floods: { prompt: "flood" }
})

suite(
  "scripted",
  AgentRegistry.layer({ agents: [{ kind: "scripted", name: "scripted" }] }).pipe(
    Layer.provideMerge(HostProcess.layer({ template: "default" }))
  ),
  {
    harness: "scripted",
    succeeds: { env: { RDEV_SCRIPT_FAULT: "idle,garbage" } },
    fails: { job: { env: { RDEV_SCRIPT_FAULT: "rate-limit" } }, reason: "RateLimited" },
    hangs: { env: { RDEV_SCRIPT_FAULT: "hang" } },
    floods: { env: { RDEV_SCRIPT_FAULT: "flood,idle" } }
  }
)
