/** Rules of merge and released. M1–M9 hold only before the merge. */
import { gates } from "../Gates.ts"
import { advance, agent, humanHolds, platform, platformWaits, type Rule, rule, terminal } from "../Rule.ts"
import { ciFirst } from "./Work.ts"

const open = "merge≠merged ∧ "

export const mergeRules: ReadonlyArray<Rule> = [
  rule(
    "M1",
    "merge",
    `${open}dep=unmet`,
    (f) => f.merge !== "merged" && f.dep === "unmet",
    platformWaits("wait-dependency"),
    "Waits for other features[: {features}]"
  ),
  rule(
    "M2",
    "merge",
    `${open}mergeGate=rejected`,
    (f) => f.merge !== "merged" && f.mergeGate === "rejected",
    humanHolds("replan"),
    "The merge was refused[ by {who}][: {why}]"
  ),
  rule(
    "M3",
    "merge",
    `${open}mergeGate=pending`,
    (f) => f.merge !== "merged" && f.mergeGate === "pending",
    humanHolds("approve-merge"),
    "The merge needs an approval[ for {tree}]"
  ),
  rule(
    "M4",
    "merge",
    "merge=queued",
    (f) => f.merge === "queued",
    platformWaits("wait-merge"),
    "In the merge queue[ at position {position}]"
  ),
  rule(
    "M5",
    "merge",
    `${open}freeze`,
    (f) => f.merge !== "merged" && f.freeze,
    platformWaits("wait-freeze"),
    "Merges are frozen[ until {until}][: {why}]"
  ),
  rule(
    "M6",
    "merge",
    `${open}branch=behind`,
    (f) => f.merge !== "merged" && f.branch === "behind",
    platform("update-branch"),
    "The branch is behind its base[ by {n}]"
  ),
  ...ciFirst("M7", "merge", open, (f) => f.merge !== "merged"),
  rule(
    "M8",
    "merge",
    "merge=ejected",
    (f) => f.merge === "ejected",
    platform("requeue-merge"),
    "Ejected from the merge queue[: {why}]"
  ),
  rule("M9", "merge", "merge=idle", (f) => f.merge === "idle", platform("merge"), "All gates hold[ for {sha}]"),
  rule(
    "M10",
    "merge",
    "release=rolledBack",
    (f) => f.release === "rolledBack",
    { ...platform("reopen"), to: "implementation" },
    "Rolled back[: {cause}]"
  ),
  rule(
    "M11",
    "merge",
    "deployReq ∧ release=failed",
    (f) => f.deployReq && f.release === "failed",
    platform("retry-deploy"),
    "Deploy attempt {attempt} failed[: {error}]"
  ),
  rule(
    "M12",
    "merge",
    "deployReq ∧ release=none ∧ freeze",
    (f) => f.deployReq && f.release === "none" && f.freeze,
    platformWaits("wait-freeze"),
    "Deploys are frozen[ until {until}][: {why}]"
  ),
  rule(
    "M13",
    "merge",
    "deployReq ∧ release=none",
    (f) => f.deployReq && f.release === "none",
    platform("deploy"),
    "Merged[ as {sha}], not deployed"
  ),
  rule("M14", "merge", "gate=pass", (f) => gates.merge(f) === "pass", advance, "merge exit criteria met[: {facts}]")
]

export const releasedRules: ReadonlyArray<Rule> = [
  rule(
    "Z1",
    "released",
    "sync=pending",
    (f) => f.sync === "pending",
    agent("sync-specs"),
    "Fold the changes into the living specs"
  ),
  rule(
    "Z2",
    "released",
    "cleanup=pending",
    (f) => f.cleanup === "pending",
    platform("cleanup-workspace"),
    "Give back what it holds[: {resources}]"
  ),
  rule("Z3", "released", "always", () => true, terminal, "Released[ {version}]")
]
