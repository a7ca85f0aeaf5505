/**
 * What things are called by host name. One policy for everybody: who makes a record, a certificate, a release or a route asks here, and who
 * is asked for a host name has it read here. Below the domain of an installation:
 *
 * production      `<project>`
 * staging         `staging.<project>`, any other lasting environment likewise
 * preview         `<feature>--<project>`: one label, so that one certificate and one record for `*.<domain>` serve every preview
 * a component     `<component>.` before the name of its environment
 *
 * Two places never share a name, provided that each of them is free of faults (`faultOf`): no project's name holds `--`, and no component
 * has the name of an environment. Pure.
 */
import { Result } from "effect"
import type { EnvironmentKind } from "../Environment.ts"

/** Of a label and of a whole name, in characters: RFC 1035, 2.3.4. */
export const maxLabel = 63
export const maxHost = 253

/** What runs somewhere: an environment of a project, or one component in it. */
export interface Place {
  readonly project: string
  readonly kind: EnvironmentKind
  /** The environment's name; of a preview the feature's. */
  readonly name: string
  /** null = the project as a whole, or the component that answers for it. */
  readonly component: string | null
}

/** Why something cannot have a host name, and the way out. */
export interface HostFault {
  readonly field: "project" | "environment" | "feature" | "component" | "host"
  readonly problem: string
  readonly fix: string
}

export const production = (project: string): Place => ({
  project,
  kind: "production",
  name: "production",
  component: null
})
export const staging = (project: string): Place => ({ project, kind: "staging", name: "staging", component: null })
export const preview = (project: string, feature: string): Place => ({
  project,
  kind: "preview",
  name: feature,
  component: null
})
export const component = (place: Place, name: string): Place => ({ ...place, component: name })

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
/** `ab--…` is kept for encodings such as `xn--…` (RFC 5891, 4.2.3.1): browsers decode it and certificate authorities refuse it. */
const isReserved = (text: string): boolean => text.startsWith("--", 2)
export const isLabel = (text: string): boolean => label.test(text)

/** Lower-case labels of letters, digits and hyphens, at least two of them, at most 253 characters. */
export const isHostName = (host: string): boolean => {
  if (host.length > maxHost) return false
  const labels = host.split(".")
  return labels.length >= 2 && labels.every(isLabel)
}

/** 40 bits of FNV-1a, in letters and digits: two different texts share it about once in a million for a thousand of them. */
const digest = (text: string): string => {
  let hash = 0xcbf29ce484222325n
  for (let i = 0; i < text.length; i++) hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n)
  return BigInt.asUintN(40, hash ^ (hash >> 24n))
    .toString(32)
    .padStart(8, "0")
}

const separator = "--"
/** The feature's part of a label. What does not fit beside the project's name, or would look like an encoding, is told apart by a digest. */
const featurePart = (feature: string, project: string): string => {
  const room = maxLabel - separator.length - project.length
  const reserved = feature.length === 2 || isReserved(feature)
  if (feature.length <= room && !reserved) return feature
  const end = digest(feature)
  const kept = feature
    .replaceAll(/-{2,}/g, "-")
    .slice(0, Math.max(0, room - end.length - 1))
    .replace(/-+$/, "")
  return kept === "" ? end : `${kept}-${end}`
}

/** Below the domain of the installation, e.g. `staging.hello`. */
export const nameOf = ({ component: part, kind, name, project }: Place): string => {
  const environment =
    kind === "production"
      ? project
      : kind === "preview"
        ? `${featurePart(name, project)}${separator}${project}`
        : `${name}.${project}`
  return part === null ? environment : `${part}.${environment}`
}

export const hostOf = (place: Place, domain: string): string => `${nameOf(place)}.${domain}`

/** The name below the domain; null when the host does not lie there. */
export const below = (host: string, domain: string): string | null =>
  isHostName(host) && host.endsWith(`.${domain}`) ? host.slice(0, -domain.length - 1) : null

const previewIn = (text: string): { readonly feature: string; readonly project: string } | null => {
  const at = text.lastIndexOf(separator)
  const [feature, project] = at === -1 ? ["", ""] : [text.slice(0, at), text.slice(at + separator.length)]
  return isLabel(feature) && isLabel(project) ? { feature, project } : null
}

/** Those that every project has beside production. */
const lasting: ReadonlySet<string> = new Set(["staging"])

/**
 * What a host name can mean, the likeliest first. `a--b` is the preview of feature `a` of project `b`, but a project that was made before
 * such names were refused may be called so. A feature whose name was shortened is told by its short one. `environments`: names of
 * lasting environments other than production.
 */
export const readings = (
  host: string,
  domain: string,
  environments: ReadonlySet<string> = lasting
): ReadonlyArray<Place> => {
  const labels = below(host, domain)?.split(".") ?? []
  const last = labels.pop()
  if (last === undefined || labels.length > 2) return []
  const inner = labels.pop()
  const outer = labels.pop() ?? null
  const within = (here: Place): ReadonlyArray<Place> => {
    if (inner === undefined) return [here]
    if (here.kind === "production" && environments.has(inner))
      return [{ project: here.project, kind: "staging", name: inner, component: outer }]
    return outer === null ? [component(here, inner)] : []
  }
  const shown = previewIn(last)
  return [...(shown === null ? [] : [preview(shown.project, shown.feature)]), production(last)].flatMap(within)
}

/** The place that the policy gives a host name to; null when it gives it to none. */
export const placeOf = (host: string, domain: string, environments: ReadonlySet<string> = lasting): Place | null =>
  readings(host, domain, environments).find((place) => faultOf(place, domain, environments) === null) ?? null

const fault = (field: HostFault["field"], problem: string, fix: string): HostFault => ({ field, problem, fix })

/** What keeps a new project of this name from having host names of its own; null = nothing. */
export const projectFault = (name: string): HostFault | null =>
  !isLabel(name)
    ? fault("project", `${JSON.stringify(name)} is not a DNS label`, "Use lower-case letters, digits and hyphens")
    : name.includes(separator)
      ? fault(
          "project",
          `${name} holds ${separator}, which stands between a feature and its project in the host names of previews`,
          `Write ${name.replaceAll(/-{2,}/g, "-")}`
        )
      : null

/** What keeps a place from having a host name of its own under the domain; null = nothing. */
export const faultOf = (
  place: Place,
  domain: string,
  environments: ReadonlySet<string> = lasting
): HostFault | null => {
  const { component: part, kind, name, project } = place
  const wrong = projectFault(project)
  if (wrong !== null) return wrong
  const field = kind === "preview" ? "feature" : "environment"
  if (!isLabel(name) || (kind !== "preview" && isReserved(name)))
    return fault(
      field,
      `${JSON.stringify(name)} cannot stand in a host name`,
      "Use lower-case letters, digits and hyphens"
    )
  if (part !== null && (!isLabel(part) || isReserved(part)))
    return fault(
      "component",
      `${JSON.stringify(part)} cannot stand in a host name`,
      "Use lower-case letters, digits and hyphens"
    )
  if (part !== null && (environments.has(part) || part === "production"))
    return fault("component", `${part} is the name of an environment`, "Give the component another name")
  if (kind === "staging" && !environments.has(name))
    return fault("environment", `${name} is no environment of the project`, "Name one of its environments")
  const host = hostOf(place, domain)
  const long = host.split(".").find(({ length }) => length > maxLabel)
  if (long !== undefined)
    return fault("host", `${long} has ${long.length} characters; ${maxLabel} are allowed`, "Shorten it")
  return host.length > maxHost
    ? fault(
        "host",
        `${host} has ${host.length} characters; ${maxHost} are allowed`,
        "Shorten the domain of the installation"
      )
    : null
}

/** Those of the places that have the same host name as another of them: features whose short names are the same, above all. */
export const collisions = (
  places: ReadonlyArray<Place>,
  domain: string
): ReadonlyArray<{ readonly host: string; readonly places: ReadonlyArray<Place> }> =>
  [...Map.groupBy(places, (place) => hostOf(place, domain))].flatMap(([host, of]) =>
    of.length > 1 ? [{ host, places: of }] : []
  )

const address = /^\[|^(?:\d{1,3}\.){3}\d{1,3}$/
/** A host name as people write it (capitals, other alphabets, a dot at the end) as DNS has it: lower case, punycode. */
export const normalized = (text: string): Result.Result<string, HostFault> => {
  const wrong = (problem: string, fix: string) =>
    Result.fail(fault("host", `${JSON.stringify(text.slice(0, 300))} ${problem}`, fix))
  const plain = text.trim().replace(/[.\u3002]$/, "")
  if (plain === "" || /[\s/\\:@?#*%]/.test(plain))
    return wrong("is not a host name", "Write one such as www.example.org")
  const parsed = URL.parse(`http://${plain}/`)
  // What is read as an address, or loses a part on the way, was no name.
  if (parsed === null || address.test(parsed.hostname))
    return wrong("is not a host name", "Write one such as www.example.org")
  return isHostName(parsed.hostname)
    ? Result.succeed(parsed.hostname)
    : wrong(
        "is not a host name",
        `Labels of letters, digits and hyphens, at least two, each at most ${maxLabel} characters, ${maxHost} in all`
      )
}

/** The longest name below a domain: a component and a preview, each a whole label. */
const longestBelow = 2 * maxLabel + 1
/** The domain of an installation; a single label such as `localhost` is one too. */
export const domainOf = (text: string): Result.Result<string, HostFault> =>
  Result.flatMap(
    Result.map(normalized(`a.${text.trim()}`), (host) => host.slice(2)),
    (domain) =>
      domain.length + 1 + longestBelow <= maxHost
        ? Result.succeed(domain)
        : Result.fail(
            fault(
              "host",
              `${domain} has ${domain.length} characters`,
              `Use a domain of at most ${maxHost - 1 - longestBelow}`
            )
          )
  )

/** A name of its own that a project brings. Names of the installation are given by the policy alone: who could choose one could take another's. */
export const alias = (text: string, domain: string): Result.Result<string, HostFault> =>
  Result.flatMap(normalized(text), (host) =>
    host === domain || host.endsWith(`.${domain}`)
      ? Result.fail(
          fault(
            "host",
            `${host} lies in the domain of this installation, which names its projects itself`,
            "Write a name of a domain of yours"
          )
        )
      : Result.succeed(host)
  )

/** All names of a place, the one that people are given first, none twice. Aliases as `alias` answered. */
export const hostsOf = (place: Place, domain: string, aliases: ReadonlyArray<string> = []): ReadonlyArray<string> => [
  ...new Set([hostOf(place, domain), ...aliases])
]
