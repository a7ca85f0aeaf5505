/**
 * Runs the attack corpus: every kind below `kinds/` against a server of its own, one after another. Arguments choose kinds by name.
 * Prints counts; ends with 1 when a promise did not hold or a kind could not be tried.
 */
import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Attack, type Kind } from "./Attack.ts"

const folder = fileURLToPath(new URL("./kinds/", import.meta.url))
const known = readdirSync(folder)
  .filter((name) => name.endsWith(".ts"))
  .map((name) => name.slice(0, -".ts".length))
  .sort()
const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !known.includes(name))
if (unknown.length > 0) {
  console.error(`attack: ${unknown.join(", ")}: no such kind; there are ${known.join(", ")}`)
  process.exit(2)
}

interface Result {
  readonly tries: number
  readonly failures: ReadonlyArray<string>
}
const tryKind = async (kind: Kind): Promise<Result> => {
  const attack = await Attack.start(kind)
  try {
    await kind.run(attack)
    return attack.tries === 0 ? { tries: 0, failures: ["it tried nothing"] } : attack
  } catch (cause) {
    return {
      tries: attack.tries,
      failures: [
        ...attack.failures,
        `it could not be tried to its end: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`,
        attack.server.errors()
      ]
    }
  } finally {
    await attack.end()
  }
}

let [tries, failed] = [0, 0]
for (const name of wanted.length === 0 ? known : wanted) {
  const { kind } = (await import(`./kinds/${name}.ts`)) as { readonly kind: Kind }
  const began = performance.now()
  const result = await tryKind(kind)
  tries += result.tries
  failed += result.failures.length
  console.log(
    `${kind.name.padEnd(22)} ${String(result.tries).padStart(5)} tries, ${result.failures.length} failed, ${((performance.now() - began) / 1000).toFixed(1)} s   ${kind.promise}`
  )
  for (const failure of result.failures) console.log(`  ✗ ${failure}`)
}
console.log(`attack: ${tries} tries, ${failed} failed`)
process.exit(failed === 0 && tries > 0 ? 0 : 1)
