/** ACME as an adapter: what `use: acme` chooses in platform.yaml for certificates. */
import * as Adapter from "@rdev/core/adapter/Adapter"
import { Host } from "@rdev/core/adapter/Host"
import { Dns } from "@rdev/core/ports/infra/Dns"
import type { Tls } from "@rdev/core/ports/infra/Tls"
import { Clock, Effect, Layer, Schema } from "effect"
import { isIP } from "node:net"
import { isAbsolute } from "node:path"
import * as AcmeTls from "./AcmeTls.ts"
import * as PemFolder from "./PemFolder.ts"
import * as Propagation from "./Propagation.ts"
import * as Records from "./Records.ts"
import { directoryOf } from "./AcmeClient.ts"

const known: Readonly<Record<string, string>> = {
  letsencrypt: "https://acme-v02.api.letsencrypt.org/directory",
  "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory"
}
const isDirectory = (text: string): boolean =>
  Object.hasOwn(known, text) ||
  (URL.canParse(text) && new URL(text).protocol === "https:" && `${new URL(text).username}${new URL(text).hash}` === "")

const isServer = (text: string): boolean => {
  const [, address = "", port] = /^\[?([0-9a-fA-F:.]+?)\]?(?::(\d{1,5}))?$/.exec(text) ?? []
  return (
    (isIP(text) !== 0 || isIP(address) !== 0) && (port === undefined || (Number(port) > 0 && Number(port) < 65_536))
  )
}

const Config = Schema.Struct({
  acceptTerms: Schema.Literal(true).annotate({
    description: "You accept the terms of service of the authority: write true."
  }),
  directory: Schema.optionalKey(
    Schema.String.check(
      Schema.makeFilter(
        (text) => isDirectory(text) || "expected letsencrypt, letsencrypt-staging or the https address of a directory"
      )
    )
      .pipe(Adapter.variable("RDEV_ACME_DIRECTORY"))
      .annotate({
        description: "letsencrypt, letsencrypt-staging or the address of an authority's directory. Default letsencrypt."
      })
  ),
  contact: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^[^\s@,]+@[^\s@,]+\.[^\s@,]+$/, { message: "expected an address of mail" })
    ).annotate({ description: "Address of mail for the account, for authorities that write to it." })
  ),
  names: Schema.optionalKey(
    Schema.Literals(["wildcard", "exact"]).annotate({
      description:
        "wildcard: one certificate for a project and all of its environments; exact: one for each host name. Default wildcard."
    })
  ),
  profile: Schema.optionalKey(
    Schema.NonEmptyString.annotate({ description: "Kind of certificate, where the authority has several." })
  ),
  bindingId: Schema.optionalKey(
    Schema.NonEmptyString.annotate({
      description: "Key id of your account there (external account binding). With bindingKey."
    })
  ),
  bindingKey: Schema.optionalKey(Adapter.Secret.annotate({ description: "HMAC key to bindingId." })),
  nameservers: Schema.optionalKey(
    Schema.Array(
      Schema.String.check(
        Schema.makeFilter((text) => isServer(text) || "expected an address, or address:port, of a DNS server")
      )
    ).annotate({
      description: "Asked whether a record is there, instead of the servers that its zone names."
    })
  ),
  settleSeconds: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 600 })).annotate({
      description: "Instead of asking DNS servers, which this machine may not reach: wait so long for a record."
    })
  ),
  patienceSeconds: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 170 })).annotate({
      description:
        "How long each wait for DNS and for the authority may take before it goes on at the next try. Default 120."
    })
  ),
  folder: Schema.optionalKey(
    Schema.String.check(Schema.makeFilter((text) => isAbsolute(text) || "expected an absolute path")).annotate({
      description: "Where certificates and keys are written for a server on this machine that ends TLS."
    })
  )
})
type Config = typeof Config.Type
const directoryIn = ({ directory = "letsencrypt" }: Config): string =>
  Object.hasOwn(known, directory) ? (known[directory] ?? directory) : directory

const layer = (config: Config) => {
  const { bindingId, bindingKey, contact, folder, names, nameservers = [], patienceSeconds = 120, profile } = config
  if ((bindingId === undefined) !== (bindingKey === undefined))
    return Adapter.refuse<Tls>(
      "AcmeTls.layer",
      { _tag: "Invalid", field: "bindingId", message: "bindingId and bindingKey belong together" },
      "Give both, or neither"
    )
  return Layer.unwrap(
    Effect.gen(function* () {
      const { publish } = yield* Dns
      const { domain } = yield* Host
      if (publish === undefined)
        return Adapter.refuse<Tls>(
          "AcmeTls.layer",
          { _tag: "Unsupported", message: "the chosen dns has no TXT records, which the authority asks for" },
          "Choose a dns that has them, or tls: { use: none }"
        )
      const waited = config.settleSeconds
      return AcmeTls.layer(
        {
          directory: directoryIn(config),
          contact: contact === undefined ? [] : [contact],
          binding: bindingId === undefined || bindingKey === undefined ? null : { id: bindingId, key: bindingKey },
          domain,
          coverage: names ?? "wildcard",
          profile: profile ?? null,
          patienceMillis: patienceSeconds * 1_000,
          folder: folder === undefined ? PemFolder.none : PemFolder.make(folder),
          propagation:
            waited === undefined
              ? Propagation.make(nameservers)
              : () => Effect.as(Effect.sleep(waited * 1_000), { ok: true, detail: "was waited for" })
        },
        publish
      )
    })
  )
}

const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`
/** Asks the authority for its directory, and looks at what is there. */
const health = (config: Config) =>
  Effect.gen(function* () {
    const url = directoryIn(config)
    const asked = yield* Effect.result(Effect.timeout(directoryOf(url), 4_000))
    if (asked._tag === "Failure")
      return {
        ok: false,
        detail: asked.failure._tag === "AcmeFailure" ? asked.failure.message : `${url} does not answer`
      }
    const { profiles } = asked.success
    if (config.profile !== undefined && !profiles.includes(config.profile))
      return {
        ok: false,
        detail: `profile: ${new URL(url).host} has ${profiles.length === 0 ? "no profiles" : profiles.join(", ")}`
      }
    const now = yield* Clock.currentTimeMillis
    const found = yield* Effect.result((yield* AcmeTls.AcmeState).certificates)
    if (found._tag === "Failure") return { ok: false, detail: found.failure.message }
    const issued = found.success.flatMap((one) => (one.issued === null ? [] : [{ ...one, issued: one.issued }]))
    const failing = issued.filter(({ failure }) => failure !== null)
    const ended = issued.filter((one) => one.issued.untilMillis <= now)
    const due = issued.filter((one) => Records.dueAt(one, one.issued) <= now)
    const wrong = [
      ...failing.map(({ base, failure }) => `${base}: ${failure?.message}`),
      ...ended.map(({ base }) => `${base} has ended`)
    ]
    return {
      ok: ended.length === 0,
      detail: [
        `${new URL(url).host} answers`,
        count(issued.length, "certificate"),
        `${due.length} due`,
        ...wrong.slice(0, 3)
      ].join("; ")
    }
  })

export default Adapter.define({ api: 1, name: "acme", slots: { tls: { config: Config, layer, health } } })
