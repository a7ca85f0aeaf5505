/** Running commands and keeping what they said as in-toto statements. */
import { spawnSync } from "node:child_process"
import type { FeatureState } from "../../model/FeatureState.ts"
import type { Principal } from "../../model/Principal.ts"
import { sha256 } from "../../repo/Digest.ts"
import * as Repo from "../../repo/Repo.ts"
import { forget } from "../GitRead.ts"

/** Output kept per command; the rest is counted, not stored. */
const keptCharacters = 16_384

export interface Ran {
  readonly command: string
  readonly exitCode: number
  readonly output: string
  readonly truncated: number
}

/** Runs a command by the shell in the root of the repository. A command that cannot start or is killed has exit code 127 or 128+n. */
export const run = (
  root: string,
  command: string,
  env: Readonly<Record<string, string | undefined>>,
  timeoutMillis = 1_800_000
): Ran => {
  const result = spawnSync("sh", ["-c", command], {
    cwd: root,
    env: { ...env, CI: "1" },
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    timeout: timeoutMillis,
    stdio: ["ignore", "pipe", "pipe"]
  })
  // It may have committed.
  forget()
  const output = `${result.stdout ?? ""}${result.stderr ?? ""}`
  const failed = result.error === undefined ? "" : `\n${result.error.message}`
  return {
    command,
    exitCode: result.status ?? (result.signal === null ? 127 : 128),
    output: output.slice(-keptCharacters) + failed,
    truncated: Math.max(0, output.length - keptCharacters)
  }
}

/** An in-toto Statement v1 with a test-result predicate about the code tree. */
export const testResult = (
  state: FeatureState,
  tree: string,
  name: string,
  by: Principal,
  runs: ReadonlyArray<Ran>
): ReturnType<typeof Repo.evidenceFile> =>
  Repo.evidenceFile(state.feature.slug, {
    _type: "https://in-toto.io/Statement/v1",
    subject: [
      {
        name: `${state.feature.slug}@code`,
        digest: { [tree.slice(0, tree.indexOf(":"))]: tree.slice(tree.indexOf(":") + 1) }
      }
    ],
    predicateType: "https://in-toto.io/attestation/test-result/v0.1",
    predicate: {
      result: runs.every((ran) => ran.exitCode === 0) ? "PASSED" : "FAILED",
      configuration: [{ name }],
      executor: { id: by.id, type: by.type },
      runs
    }
  })

/** An in-toto Statement v1 about something somebody saw and kept in a file. */
export const observation = (
  state: FeatureState,
  tree: string,
  name: string,
  by: Principal,
  status: string,
  file: { readonly name: string; readonly bytes: Uint8Array } | null,
  note: string
): ReturnType<typeof Repo.evidenceFile> =>
  Repo.evidenceFile(state.feature.slug, {
    _type: "https://in-toto.io/Statement/v1",
    subject: [
      {
        name: `${state.feature.slug}@code`,
        digest: { [tree.slice(0, tree.indexOf(":"))]: tree.slice(tree.indexOf(":") + 1) }
      },
      ...(file === null ? [] : [{ name: file.name, digest: { sha256: sha256(file.bytes) } }])
    ],
    predicateType: "https://in-toto.io/attestation/test-result/v0.1",
    predicate: {
      result: status === "failed" ? "FAILED" : "PASSED",
      configuration: [{ name }],
      executor: { id: by.id, type: by.type },
      note
    }
  })
