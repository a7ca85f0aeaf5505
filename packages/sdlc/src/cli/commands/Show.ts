/** `sdlc show`: a document, or the code, as it is to be approved. */
import { documentState } from "../../derive/Documents.ts"
import { documentKinds } from "../../model/Names.ts"
import { artifactKinds } from "../../model/Artifact.ts"
import { policyFor } from "../../model/Presets.ts"
import * as Layout from "../../repo/Layout.ts"
import { type Args, oneOf } from "../Args.ts"
import { Failure } from "../Failure.ts"
import * as Git from "../Git.ts"
import { done, type Result } from "../Result.ts"
import * as Session from "../Session.ts"
import { patch } from "../Since.ts"
import { options } from "./Next.ts"

export const spec = { positionals: ["document", "feature?"], flags: { head: "value", base: "value" } } as const

const code = (session: Session.Session, seen: Session.View, args: Args): Result => {
  const {
    feature: { slug }
  } = seen.state
  const { head } = Session.observeGit(session.root, seen.state, options(args))
  const onto = Git.base(session.root, args.value("base") ?? seen.state.branch?.base)
  if (head === undefined || onto === null)
    throw new Failure("code: there is no commit to show.", "commit the code first.")
  const text = patch(session.root, onto, head.sha)
  if (text === null)
    throw new Failure(
      `code: git cannot compare ${head.sha.slice(0, 10)} with ${onto}.`,
      "fetch the history (a shallow clone may lack it)."
    )
  const title = `code of ${slug}: ${seen.state.branch?.name ?? "HEAD"} at ${head.sha.slice(0, 10)}, against ${onto}`
  return done(`${title}\n\n${text.trim() === "" ? "Nothing differs outside of .sdlc/." : text.trimEnd()}`, {
    document: "code",
    feature: slug,
    head: head.sha,
    base: onto,
    tree: head.tree,
    patch: text
  })
}

export const show = (session: Session.Session, args: Args): Result => {
  const word = oneOf("document", args.positionals[0] ?? "", [...artifactKinds, "code"])
  const slug = Session.inspectArg(session, args, 1)
  const seen = Session.view(session, slug, word === "code" ? options(args) : {})
  if (word === "code") return code(session, seen, args)
  const { loaded, state } = seen
  const document = loaded.documents[word]
  if (document === undefined)
    throw new Failure(
      `${word}: ${Layout.documentPath(slug, word)} does not exist.`,
      "sdlc status shows which documents there are."
    )
  const kind = documentKinds.find((one) => one === word)
  const policy = policyFor(loaded.policy, state.feature)
  const standing = kind === undefined ? null : documentState(state, policy, kind)
  const submitted = state.submissions.findLast((one) => one.kind === word)
  const errors = document.linted.findings.filter((finding) => finding.severity === "error").length
  const about = [
    `${word} of ${slug}${standing === null ? "" : `: ${standing}`}${submitted === undefined ? "" : `, last submitted by ${submitted.by.id} on ${submitted.at.slice(0, 10)}${submitted.hash === document.hash ? "" : " in another version"}`}`,
    `  ${document.paths.join(", ")} (${document.hash.slice(0, 14)})${errors === 0 ? "" : `, ${errors} lint errors`}${document.linted.clarifications.length === 0 ? "" : `, ${document.linted.clarifications.length} open questions`}`
  ]
  return done(`${about.join("\n")}\n\n${document.text.trimEnd()}`, {
    document: word,
    feature: slug,
    state: standing,
    hash: document.hash,
    paths: document.paths,
    text: document.text,
    submitted: submitted ?? null,
    findings: document.linted.findings
  })
}
