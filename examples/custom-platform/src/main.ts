/**
 * A platform of one's own: rdev as it is, server, API and command line, but with host names in a file of the data folder. Every other
 * slot is what platform.yaml says, or as embedded. `node src/main.ts up`, `node src/main.ts projects create shop`, …
 */
import { main } from "@rdev/cli/Main"
import * as HostsFileDns from "./HostsFileDns.ts"

main(process.argv.slice(2), { layers: { dns: HostsFileDns.layer } })
