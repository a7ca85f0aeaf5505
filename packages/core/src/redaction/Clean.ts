/**
 * Takes out of text what a terminal does not show: control sequences, control characters but tab and line feed, invisible and
 * direction-changing characters; a character that a backspace wiped out goes with it. Pure.
 */
// CSI, the string types (OSC, DCS, SOS, PM, APC), other escapes, also in their 8-bit forms (ECMA-48). A string that has no end is cut off as a terminal would.
const sequences =
  // oxlint-disable-next-line no-control-regex -- control characters are what is removed here
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]{0,4096}(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?/g
// What changes nothing but how a line reads (CVE-2021-42574), or shows nothing at all: a secret may be cut up with it.
const invisible =
  // oxlint-disable-next-line no-control-regex, no-misleading-character-class -- the same
  /[\u0000-\u0007\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu
/** Most text needs no more than this look. */
const suspicious = /[^\n\t -~]/
const held = 64

const wipe = (text: string): string => {
  if (!text.includes("\b")) return text
  const shown: Array<string> = []
  for (const character of text) {
    if (character !== "\b") shown.push(character)
    else if (shown.length > 0 && shown.at(-1) !== "\n" && shown.at(-1) !== "\r") shown.pop()
  }
  return shown.join("")
}

const strip = (text: string): string =>
  suspicious.test(text) ? text.replaceAll("\r\n", "\n").replace(sequences, "").replace(invisible, "") : text

/** Also without carriage returns; `\r\n` is a line feed. */
export const clean = (text: string): string => wipe(strip(text)).replaceAll("\r", "")

// eslint-disable-next-line no-control-regex -- the same
const unfinished =
  /(?:\u001b(?:\[[0-?]{0,64}[ -/]{0,8}|[\]PX^_][^\u0007\u001b\u009c]{0,4096}\u001b?|[ -/]{0,4})|\u009b[0-?]{0,64}[ -/]{0,8}|[\u0090\u0098\u009d-\u009f][^\u0007\u001b\u009c]{0,4096}|\r|[\ud800-\udbff])$/

/**
 * The same for text that comes in pieces; carriage returns that do not end a line are left, for whoever splits lines. Holds back a
 * sequence that is not complete, and at most 64 characters of a line that goes on, for a backspace.
 */
export class Cleaner {
  private raw = ""
  private tail = ""

  push(text: string): string {
    const all = this.raw + text
    const from = Math.max(0, all.length - 4_200)
    const at = unfinished.exec(all.slice(from))?.index
    const whole = at === undefined ? all : all.slice(0, from + at)
    this.raw = all.slice(whole.length)
    const shown = wipe(this.tail + strip(whole))
    const line = shown.lastIndexOf("\n") + 1
    let cut = Math.max(line, shown.length - held)
    if (cut > 0 && cut < shown.length && /[\udc00-\udfff]/.test(shown.charAt(cut))) cut -= 1
    this.tail = shown.slice(cut)
    return shown.slice(0, cut)
  }

  end(): string {
    const last = wipe(this.tail + strip(this.raw))
    this.raw = ""
    this.tail = ""
    return last
  }
}
