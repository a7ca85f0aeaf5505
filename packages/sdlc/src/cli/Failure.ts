/** The one way a command refuses: a message that names the field and the fix, and an exit code. */

/** 0 action · 10 wait · 20 human · 30 done · 3 corrupt · 2 usage or refused · 1 a check that did not pass · 70 a defect of the tool. */
export const exit = { action: 0, failed: 1, usage: 2, corrupt: 3, wait: 10, human: 20, done: 30, defect: 70 } as const

export type ExitCode = (typeof exit)[keyof typeof exit]

export class Failure extends Error {
  readonly code: ExitCode
  readonly fix: string
  constructor(message: string, fix: string, code: ExitCode = exit.usage) {
    super(message)
    this.code = code
    this.fix = fix
  }
}
