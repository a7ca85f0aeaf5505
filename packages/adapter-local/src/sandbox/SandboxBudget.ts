/** Starts commands within the budgets of their accounts: in a control group where one can be made, and under the eyes of a watch. */
import type { ExitStatus } from "@rdev/core/ports/infra/WorkspaceHost"
import { totalmem } from "node:os"
import * as Cgroups from "./Cgroups.ts"
import * as Disk from "./Disk.ts"
import { fail } from "../LocalFailure.ts"
import { checked, type Run } from "./SandboxFind.ts"
import * as SandboxProcess from "./SandboxProcess.ts"
import type { Backend } from "./SandboxTypes.ts"
import { type Budget, Watch } from "./SandboxWatch.ts"

export interface Walls {
  /** What loads the filter of system calls: `perl`, `python3`, `bubblewrap`; null = none is loaded. */
  readonly filter: string | null
  /** What closes descriptors and resets what is inherited; null = a POSIX shell, which cannot do all of it. */
  readonly lastStep: string | null
  /** Version of control groups and what they bound; null = none can be made here. */
  readonly cgroups: { readonly version: 1 | 2; readonly controls: ReadonlyArray<string> } | null
}

/** Pure: what does not stand, by name. */
export const missingOf = (isolation: string, { cgroups, filter, lastStep }: Walls): ReadonlyArray<string> => [
  ...(isolation === "none (unsafe)" ? ["isolation"] : []),
  ...(filter === null ? ["system calls"] : []),
  ...(lastStep === null ? ["inheritance"] : []),
  ...(["memory", "pids", "cpu"] as const)
    .filter((one) => cgroups?.controls.includes(one) !== true)
    .map((one) => `control group of ${one}`)
]

const machineMemory = (): number => {
  const bound = process.constrainedMemory()
  return bound > 0 && bound < totalmem() ? bound : totalmem()
}
const gibibyte = 1024 ** 3
export const defaultBudget = (): Budget => ({
  memoryBytes: Math.max(gibibyte, Math.min(8 * gibibyte, Math.floor(machineMemory() / 2))),
  processes: 4_096,
  diskBytes: 10 * gibibyte,
  files: 500_000,
  reserveBytes: null
})
/** Of the machine's memory, for all commands together; the rest is the server's. */
const commandsShare = 0.85

/** Counts of one account are kept under this name when none is given. */
const nobody = "unnamed"

/** An account's folder in the tree of control groups. */
const folderOf = (account: string): string => account.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 100)

export class Budgets {
  private readonly cgroups: Cgroups.Cgroups | null
  private readonly watch: Watch
  private readonly backend: Backend
  private readonly budget: Budget
  constructor(dataDir: string, backend: Backend, budget: Budget, controlGroups = true) {
    this.backend = backend
    this.budget = budget
    this.cgroups = !controlGroups ? null : Cgroups.find(Math.floor(machineMemory() * commandsShare))
    this.watch = new Watch(dataDir, budget)
  }

  walls(): Walls {
    const { filter, loader } = this.backend.last
    return {
      filter: filter === null ? null : (loader?.language ?? "bubblewrap"),
      lastStep: loader?.language ?? null,
      cgroups: this.cgroups === null ? null : { version: this.cgroups.version, controls: [...this.cgroups.controls] }
    }
  }
  room(): Promise<Disk.Room> {
    return this.watch.room()
  }

  async start(run: Run, id: string): Promise<SandboxProcess.SandboxProcess> {
    const account = run.account ?? nobody
    // Whoever is over must be able to put it right, however long that takes. Without the caller's variables it can be no other program.
    const removes = /^(?:\/(?:usr\/)?bin\/)?rm$/.test(run.argv[0] ?? "")
    const request = checked(this.backend, removes ? { ...run, env: {} } : run)
    const quotas = removes ? [] : (run.quotas ?? [])
    const why = removes
      ? null
      : await this.watch.refusal(quotas, run.atReserve === true ? "the reserve too" : "anything")
    if (why !== null) throw fail({ _tag: "ResourceExhausted", message: why })
    const bounds = {
      memoryBytes: Math.min(request.limits.memoryBytes, this.budget.memoryBytes),
      processes: Math.min(request.limits.processes, this.budget.processes)
    }
    const group = (await this.cgroups?.command(folderOf(account), id, bounds, this.budget)) ?? null
    const oom = async () =>
      group === null || (await group.oomKills()) === 0
        ? null
        : `its processes and what it keeps in /tmp needed more memory than its ${Disk.shown(bounds.memoryBytes)}, or all commands of the project more than their ${Disk.shown(this.budget.memoryBytes)}`
    let process: SandboxProcess.SandboxProcess
    try {
      process = await SandboxProcess.start(
        this.backend,
        { ...request, limits: { ...request.limits, ...bounds }, join: group?.join ?? [] },
        id,
        oom
      )
    } catch (cause) {
      await group?.remove()
      throw cause
    }
    const isBounded = this.cgroups?.controls.has("memory") === true
    const forget = this.watch.add({
      account,
      quotas,
      memoryBytes: isBounded ? null : bounds.memoryBytes,
      processes: () => (group === null ? Disk.descendants(process.pid) : group.processes()),
      end: (reason, detail) => void process.terminate(reason, detail)
    })
    const exit: Promise<ExitStatus> = process.exit.finally(() => {
      forget()
      void group?.remove()
    })
    return { ...process, exit }
  }

  close(): void {
    this.watch.close()
    this.cgroups?.close()
  }
}
