/**
 * A project's pipeline as a workflow file that Gitea Actions and GitHub Actions run alike: one job, a step for each of its steps, on any
 * runner with `sh` and `git`. It uses no action of others, so it asks no server for one. Deterministic and pure.
 *
 * Each step tells in the log when it begins and how it ends, since not every server says so of single steps; a job's verdict stays the
 * server's. Text of the pipeline is never an expression of the server's: what holds `${{` is written in base64.
 */
import { stringify } from "yaml"
import * as Pipeline from "../pipeline/Pipeline.ts"
import { type Named, nonceOf } from "./RunName.ts"

export interface Setting {
  /** Label of the runners that take it. */
  readonly runsOn: string
  /** Limit of one step. */
  readonly stepSeconds: number
  /** A runner that begins later than this (epoch seconds) leaves it: by then the run counts as not taken. */
  readonly lastStart: number
  readonly project: string
}

/** Of every workflow: those of the pipeline come behind it. */
export const firstStep = "Fetch the commit"

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
const always = "${{ always() && !cancelled() }}"
const home = '"$GITHUB_WORKSPACE/.git'
const failedFile = `${home}/rdev-failed"`
const readyFile = `${home}/rdev-ready"`

const marking = (id: Named["id"]): string => `mark() { printf '##rdev %s %s\\n' '${nonceOf(id)}' "$*"; }`

/** Fetches the very commit: the branch that began the run holds nothing but this file. */
const begin = (run: Named, { lastStart }: Setting): string =>
  [
    marking(run.id),
    `if [ "$(date +%s)" -gt ${lastStart} ]; then mark late; exit 1; fi`,
    'command -v git >/dev/null || { echo "git is not on the PATH of this runner"; exit 1; }',
    'cd "$GITHUB_WORKSPACE"',
    "git init -q .",
    `export GIT_TERMINAL_PROMPT=0 GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.extraHeader`,
    `export GIT_CONFIG_VALUE_0="Authorization: Basic $(printf 'x-access-token:%s' "$FETCH_TOKEN" | base64 | tr -d '\\n')"`,
    `git fetch -q --no-tags --depth 1 "\${FETCH_SERVER%/}/$FETCH_REPOSITORY.git" ${run.sha}`,
    "git checkout -q --detach FETCH_HEAD",
    `[ "$(git rev-parse HEAD)" = ${run.sha} ]`,
    `: > ${readyFile}`,
    "mark ready",
    ""
  ].join("\n")

/** A file with this content, without the shell or the server reading anything into it. */
const written = (path: string, content: string): string => {
  if (content.includes("${{") || /^END_OF_STEP$/m.test(content) || content.includes("\r"))
    return `printf '%s' ${Buffer.from(content, "utf8").toString("base64")} | base64 -d > ${path}`
  return `cat > ${path} <<'END_OF_STEP'\n${content}${content.endsWith("\n") ? "" : "\n"}END_OF_STEP`
}

const scriptOf = (step: Pipeline.Step, run: Named, { project }: Setting): string => {
  const variables = {
    CI: "true",
    CI_REPO_NAME: project,
    CI_COMMIT_SHA: run.sha,
    CI_COMMIT_BRANCH: run.branch,
    CI_PIPELINE_EVENT: run.event,
    CI_STEP_NAME: step.name,
    ...step.environment
  }
  return [
    // What the runner was given to speak to its server is not for a project's commands.
    `for name in $(env | sed -n 's/^\\([A-Za-z0-9_]*TOKEN[A-Za-z0-9_]*\\)=.*/\\1/p'); do unset "$name"; done`,
    'export CI_WORKSPACE="$GITHUB_WORKSPACE"',
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`),
    `cd "$GITHUB_WORKSPACE"${step.directory === "" ? "" : `/${quoted(step.directory)}`}`,
    Pipeline.script(step.commands)
  ].join("\n")
}

/** When it runs, as far as that is known before the run. */
export const conditionOf = (
  pipeline: Pipeline.Pipeline,
  step: Pipeline.Step,
  run: Named
): { readonly afterSuccess: boolean; readonly afterFailure: boolean } => {
  const after = (failed: boolean) =>
    Pipeline.matches(pipeline.when, run, false) && Pipeline.matches(step.when, run, failed)
  return { afterSuccess: after(false), afterFailure: after(true) }
}

const stepOf = (
  pipeline: Pipeline.Pipeline,
  step: Pipeline.Step,
  index: number,
  run: Named,
  setting: Setting
): string => {
  const { afterFailure, afterSuccess } = conditionOf(pipeline, step, run)
  const skip = `then mark skip ${index}; exit 0; fi`
  const file = `${home}/rdev-step-${index}.sh"`
  const guard = afterSuccess
    ? afterFailure
      ? []
      : [`if [ -e ${failedFile} ]; ${skip}`]
    : afterFailure
      ? [`if [ ! -e ${failedFile} ]; ${skip}`]
      : [`if true; ${skip}`]
  return [
    "set +e",
    marking(run.id),
    `[ -e ${readyFile} ] || exit 0`,
    ...guard,
    `mkdir -p ${home}"`,
    written(file, scriptOf(step, run, setting)),
    `mark begin ${index}`,
    "began=$(date +%s)",
    `if timeout -k 1 1 true 2>/dev/null; then timeout -k 10 ${setting.stepSeconds} sh ${file} </dev/null`,
    `else sh ${file} </dev/null; fi`,
    "code=$?",
    `if [ $code -ne 0 ] && [ $(($(date +%s) - began)) -ge ${setting.stepSeconds} ]; then code=slow; fi`,
    `mark end ${index} $code`,
    "if [ $code = 0 ]; then exit 0; fi",
    ...(step.ignoreFailure ? ["exit 0"] : [`mkdir -p ${home}"`, `: > ${failedFile}`, "exit 1"]),
    ""
  ].join("\n")
}

const workflow = (setting: Setting, minutes: number, steps: ReadonlyArray<object>): string =>
  stringify(
    {
      name: "rdev",
      on: "push",
      permissions: { contents: "read" },
      jobs: { pipeline: { "runs-on": setting.runsOn, "timeout-minutes": minutes, steps } }
    },
    { lineWidth: 0, aliasDuplicateObjects: false }
  )

/** How long a whole run may take. */
export const minutesOf = (steps: number, { stepSeconds }: Setting): number =>
  Math.min(360, 5 + Math.ceil((Math.max(1, steps) * stepSeconds) / 60))

export const render = (pipeline: Pipeline.Pipeline, run: Named, setting: Setting): string =>
  workflow(setting, minutesOf(pipeline.steps.length, setting), [
    {
      name: firstStep,
      shell: "sh",
      env: {
        FETCH_TOKEN: "${{ github.token }}",
        FETCH_SERVER: "${{ github.server_url }}",
        FETCH_REPOSITORY: "${{ github.repository }}"
      },
      run: begin(run, setting)
    },
    ...pipeline.steps.map((step, index) => ({
      // A name is shown and nothing else; an expression in it would be one.
      name: step.name.replaceAll("${{", "$ {{"),
      if: always,
      shell: "sh",
      run: stepOf(pipeline, step, index, run, setting)
    }))
  ])

/** For a commit whose pipeline cannot be run: says why, where people look. */
export const renderBroken = (why: string, run: Named, setting: Setting): string =>
  workflow(setting, 5, [
    {
      name: "Read the pipeline",
      shell: "sh",
      run: [
        marking(run.id),
        `mark broken ${Buffer.from(why, "utf8").toString("base64")}`,
        `printf '%s' ${Buffer.from(`${why}\n`, "utf8").toString("base64")} | base64 -d`,
        "exit 1",
        ""
      ].join("\n")
    }
  ])
