import * as MemoryDns from "@rdev/core/memory/infra/Dns"
import { suite } from "../src/infra/DnsSuite.ts"

suite("memory", MemoryDns.layer, { targets: ["127.0.0.1", "http://127.0.0.1:8080"] })
