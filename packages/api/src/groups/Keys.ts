/** API keys. The key itself is shown once, when it is made. */
import { ApiKey } from "@rdev/core/domain/ApiKey"
import { KeyId } from "@rdev/core/domain/Ids"
import { Scope } from "@rdev/core/domain/Principal"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { Authorization, Idempotency, requires } from "../Access.ts"
import * as Parameters from "../Parameters.ts"
import * as Problem from "../Problem.ts"
import * as Wire from "../Wire.ts"

const fields = ApiKey.fields
const isRange = (text: string): boolean => {
  const [, address = "", bits = ""] = /^([0-9a-fA-F.:]{2,45})\/(\d{1,3})$/.exec(text) ?? []
  const isV6 = address.includes(":")
  const isAddress = isV6
    ? URL.canParse(`http://[${address}]/`)
    : /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/.test(address)
  return isAddress && Number(bits) <= (isV6 ? 128 : 32)
}
const Cidr = Schema.String.check(
  Schema.makeFilter((text) => isRange(text) || "expected an address range like 10.0.0.0/8 or fd00::/8")
)
const Holder = Schema.Literals(["human", "agent", "ci"])

export const KeyView = Wire.struct("ApiKey", {
  id: KeyId,
  name: fields.name,
  /** First characters, to recognise it by. */
  hint: fields.hint,
  /** Who speaks with it: a gate that the policy leaves to a human takes no other. */
  type: Holder,
  scopes: fields.scopes,
  projects: fields.projects,
  cidrs: fields.cidrs,
  expiresAt: Wire.OptionalTime,
  revokedAt: Wire.OptionalTime,
  /** To five minutes. */
  lastUsedAt: Wire.OptionalTime,
  createdAt: Wire.Time
})
export const NewKey = Wire.struct("NewApiKey", {
  name: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(100)),
  type: Schema.optionalKey(Holder),
  scopes: Schema.Array(Scope).check(Schema.isMinLength(1), Schema.isMaxLength(32)),
  /** Names or ids; absent = all projects. */
  projects: Schema.optionalKey(
    Schema.Array(Parameters.ProjectKey).check(Schema.isMinLength(1), Schema.isMaxLength(1000))
  ),
  /** Source addresses; absent = any. */
  cidrs: Schema.optionalKey(Schema.Array(Cidr).check(Schema.isMaxLength(100))),
  expiresAt: Schema.optionalKey(Wire.GivenTime)
})
export const CreatedKey = Wire.struct("CreatedApiKey", { key: Schema.String, record: KeyView })
export const KeyList = Wire.struct("ApiKeyList", { keys: Schema.Array(KeyView), ...Parameters.nextCursor })

export class KeysGroup extends HttpApiGroup.make("keys")
  .add(
    HttpApiEndpoint.post("create", "/keys", {
      headers: Parameters.idempotency,
      payload: NewKey,
      success: CreatedKey.pipe(HttpApiSchema.status(201)),
      error: Problem.write
    }).annotateMerge(requires("keys:manage", { summary: "Create an API key; it is shown this once" })),
    HttpApiEndpoint.get("list", "/keys", {
      query: Parameters.paging,
      success: KeyList,
      error: Problem.read
    }).annotateMerge(requires("keys:manage", { summary: "List API keys, revoked ones too" })),
    HttpApiEndpoint.delete("revoke", "/keys/:key", {
      params: { key: KeyId },
      success: HttpApiSchema.NoContent,
      error: Problem.write
    }).annotateMerge(requires("keys:manage", { summary: "Revoke an API key" }))
  )
  .middleware(Idempotency)
  .middleware(Authorization) {}
