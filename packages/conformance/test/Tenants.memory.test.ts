import * as MemoryTenantCache from "@rdev/core/memory/infra/TenantCache"
import * as TenantCache from "@rdev/core/ports/infra/TenantCache"
import * as MemoryTenantDatabase from "@rdev/core/memory/infra/TenantDatabase"
import * as TenantDatabase from "@rdev/core/ports/infra/TenantDatabase"
import * as MemoryTls from "@rdev/core/memory/infra/Tls"
import * as Tls from "@rdev/core/ports/infra/Tls"
import { suite as caches } from "../src/infra/TenantCacheSuite.ts"
import { suite as databases } from "../src/infra/TenantDatabaseSuite.ts"
import { suite as certificates } from "../src/infra/TlsSuite.ts"

certificates("memory", MemoryTls.layer, { supported: true })
certificates("unsupported", Tls.layerUnsupported("set RDEV_TLS"), { supported: false })
databases("memory", MemoryTenantDatabase.layer, { supported: true })
databases("unsupported", TenantDatabase.layerUnsupported("set RDEV_TENANT_DATABASE_URL"), { supported: false })
caches("memory", MemoryTenantCache.layer, { supported: true })
caches("unsupported", TenantCache.layerUnsupported("set RDEV_TENANT_CACHE_URL"), { supported: false })
