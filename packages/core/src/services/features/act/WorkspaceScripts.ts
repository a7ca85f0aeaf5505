/**
 * What `WorkspaceSync` runs inside a workspace, as text. Nothing here relies on the repository that lies there: an agent, or a process
 * that was killed in it, may have left any file of `.git` locked, damaged, or as something else than a file.
 */

const sh = (script: string, ...args: ReadonlyArray<string>) => ["sh", "-ceu", script, "sync", ...args]

/** Git reads no settings but those that the scripts write. HOME is set in the scripts, which first tidy the real one. */
export const variables: Readonly<Record<string, string>> = {
  XDG_CONFIG_HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_ATTR_NOSYSTEM: "1",
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_TERMINAL_PROMPT: "0",
  LC_ALL: "C"
}

/** Where bundles wait in the work tree: a name that nobody knew before. */
export const inboxPrefix = ".rdev-in-"
/** Repository of the platform's own, made anew for each hand-over. */
const outFolder = ".git/rdev-out"
export const outbox = `${outFolder}/out.bundle`

// A folder without permissions keeps its content from being removed; find reaches into it once they are given.
const drop = `
drop() { find "$1" -type d ! -perm -700 -exec chmod u+rwx {} \\; 2>/dev/null || :; rm -rf "$1"; }
`

/**
 * $1 branch, $2 its commit, $3 bundle with it, $4 name and $5 e-mail for the agent's own commits, then optionally $6 another branch,
 * $7 its commit, $8 bundle with it or "".
 *
 * The repository is made from nothing but the bundles. Work files that are already right stay untouched, with their dates, and so do
 * untracked files that git ignores (node_modules, build output): the next run is warm. Folders that were made inaccessible are opened,
 * and when the files still cannot be brought back in place, all of them are made anew.
 */
const checkoutScript = `${drop}
drop .git
rm -rf "$HOME/.gitconfig" "$HOME/.config/git"
export HOME=/nonexistent
git init -q --template= -b "$1" .
git config core.fsync none
git config gc.auto 0
git config maintenance.auto false
git config user.name "$4"
git config user.email "$5"
git fetch -q "./$3" "+refs/heads/$1:refs/remotes/origin/$1"
if [ -n "\${8-}" ]; then git fetch -q "./$8" "+refs/heads/$6:refs/remotes/origin/$6"; fi
if [ -n "\${7-}" ]; then git update-ref "refs/remotes/origin/$6" "$7"; fi
rm -rf .git/FETCH_HEAD ./${inboxPrefix}*
git update-ref "refs/heads/$1" "$2"
sha=$2
restore() {
  rm -f .git/index .git/index.lock
  git read-tree "$sha" && { git update-index -q --refresh >/dev/null 2>&1 || :; } && git reset -q --hard && git clean -ffdq
}
open() { find . -path ./.git -prune -o -type d ! -perm -700 -exec chmod u+rwx {} \\; 2>/dev/null || :; }
restore || { open; restore; } || { open; find . -mindepth 1 -maxdepth 1 ! -name .git -exec rm -rf {} +; restore; }
# Git neither sees nor removes pipes and sockets.
find . -path ./.git -prune -o -name node_modules -prune -o \\( -type p -o -type s \\) -exec rm -f {} +
`

/**
 * $1 base commit, $2 commit of the upstream branch or "", $3 message, then optionally $4 a bundle with the base and $5 its branch.
 * Prints the commit that carries the work, or the base when nothing changed.
 *
 * The commit is made by a repository of the platform's own, whose parents are the base and, when the agent merged it, a commit of the
 * upstream branch. Of the agent's repository only its objects and where its HEAD and MERGE_HEAD point are read, and with $4
 * nothing at all.
 */
const takeScript = `${drop}
export HOME=/nonexistent
if [ -L .git ] || [ ! -d .git ]; then drop .git; mkdir .git; fi
chmod u+rwx .git
drop ${outFolder}
git init -q --bare --template= ${outFolder}
git --git-dir=${outFolder} config core.bare false
g() { git --git-dir=${outFolder} --work-tree=. -c core.fsync=none -c gc.auto=0 "$@"; }
if [ -n "\${4-}" ]; then
  g fetch -q "./$4" "+refs/heads/$5:refs/rdev/base"
  rm -rf ./${inboxPrefix}*
else
  echo "$PWD/.git/objects" > ${outFolder}/objects/info/alternates
fi
commit() {
  case $1 in *[!0-9a-f]*) return 1 ;; esac
  [ \${#1} -eq 40 ] && g cat-file -e "$1^{commit}" 2>/dev/null
}
first() {
  line=
  [ -f "$1" ] && [ ! -L "$1" ] && IFS= read -r line < "$1" || :
  case $line in
    "ref: refs/heads/"*) name=\${line#ref: }
      case "/$name/" in */../*|*/./*) return ;; esac
      if [ -f ".git/$name" ]; then IFS= read -r line < ".git/$name" || :
      elif [ -f .git/packed-refs ]; then line=$(grep -F " $name" .git/packed-refs | grep -x "[0-9a-f]\\{40\\} $name" | cut -c 1-40) || :; fi ;;
  esac
  printf %s "$line"
}
head=$1
merging=
if [ -z "\${4-}" ]; then
  found=$(first .git/HEAD); if commit "$found"; then head=$found; fi
  found=$(first .git/MERGE_HEAD); if commit "$found"; then merging=$found; fi
fi
merged=
if [ -n "$2" ]; then
  for candidate in $head $merging; do
    for shared in $(g merge-base --all "$candidate" "$2" || :); do
      if ! g merge-base --is-ancestor "$shared" "$1"; then merged=$shared; fi
    done
  done
fi
g read-tree "$head"
g add -A .
tree=$(g write-tree)
if [ "$tree" = "$(g rev-parse "$1^{tree}")" ] && [ -z "$merged" ]; then echo "$1"; exit; fi
made=$(g commit-tree "$tree" -p "$1" \${merged:+-p "$merged"} -m "$3")
g update-ref refs/heads/work "$made"
g bundle create -q ${outbox} refs/heads/work "^$1" \${merged:+"^$merged"} >/dev/null
echo "$made"
`

export interface Upstream {
  readonly branch: string
  readonly sha: string
  readonly bundle: string
}

export const checkout = (
  branch: string,
  sha: string,
  bundle: string,
  author: { readonly name: string; readonly email: string },
  upstream: Upstream | null
) =>
  sh(
    checkoutScript,
    branch,
    sha,
    bundle,
    author.name,
    author.email,
    ...(upstream === null ? [] : [upstream.branch, upstream.sha, upstream.bundle])
  )

export const take = (
  base: string,
  upstreamSha: string | null,
  message: string,
  again: { readonly bundle: string; readonly branch: string } | null
) => sh(takeScript, base, upstreamSha ?? "", message, ...(again === null ? [] : [again.bundle, again.branch]))
