/** What a lint rule has to say about one place of one artifact. Plain data: no I/O, no formatting beyond one line of text. */

export interface LintFinding {
  /** Stable name of the rule, such as `requirement-form`. */
  readonly rule: string
  /** Errors make an artifact `invalid`; warnings are only shown. */
  readonly severity: "error" | "warning"
  /** Path as given to the linter, relative to the repository. */
  readonly file: string
  /** 1-based. */
  readonly line: number
  readonly message: string
  /** What to write instead. */
  readonly fix: string
}

/** Collects findings of one file. */
export interface Collector {
  readonly findings: Array<LintFinding>
  readonly error: (rule: string, line: number, message: string, fix: string) => void
  readonly warning: (rule: string, line: number, message: string, fix: string) => void
}

export const collector = (file: string): Collector => {
  const findings: Array<LintFinding> = []
  return {
    findings,
    error: (rule, line, message, fix) => void findings.push({ rule, severity: "error", file, line, message, fix }),
    warning: (rule, line, message, fix) => void findings.push({ rule, severity: "warning", file, line, message, fix })
  }
}

/** `path:line: error rule: message Fix: …`, the form editors and CI logs turn into links. */
export const format = (finding: LintFinding): string =>
  `${finding.file}:${finding.line}: ${finding.severity} ${finding.rule}: ${finding.message} Fix: ${finding.fix}`
