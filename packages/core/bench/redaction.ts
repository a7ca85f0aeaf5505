/** Bytes per second of processor time through each stage that masks output. `node --conditions=@rdev/source packages/core/bench/redaction.ts` */
import { randomBytes } from "node:crypto"
import * as OutputText from "../src/redaction/OutputText.ts"
import * as Redactor from "../src/redaction/Redactor.ts"

const line = (i: number) =>
  `2026-01-01T10:00:${String(i % 60).padStart(2, "0")}.000Z info request GET /projects/p${i}/events answered 200 in ${i % 900} ms, user=u${i}\n`
const repeated = (make: (i: number) => string, size: number): Buffer => {
  const parts: Array<string> = []
  for (let [i, length] = [0, 0]; length < size; i++) {
    const part = make(i)
    parts.push(part)
    length += part.length
  }
  return Buffer.from(parts.join(""))
}
const samples: Readonly<Record<string, Buffer>> = {
  "log text": repeated(line, 4_000_000),
  "empty lines": repeated(() => "\n", 1_000_000),
  base64: Buffer.from(randomBytes(3_000_000).toString("base64")),
  "bytes of any kind": randomBytes(2_000_000),
  colours: repeated(() => "\u001b[1m\u001b[31mred\u001b[0m ", 1_000_000),
  "all escapes": repeated(() => "%41\\u0041&#65;", 300_000),
  "nested escapes": repeated(() => "%2541%252541\\u0041&amp;amp;#65;", 300_000)
}
const secrets = Array.from({ length: 20 }, () => randomBytes(24).toString("base64url"))
const redactor = Redactor.make([...secrets, "postgres://app:s3cr3t-Pa55word@db.internal:5432/app"])
const pieceBytes = 2_048

/** All that a command's output goes through: the store's mask, its lines, and the event log's search where it is not spared. */
const whole = (bytes: Buffer) => {
  const [stream, text] = [redactor.byteStream(), new OutputText.OutputText(redactor)]
  for (let at = 0; at < bytes.length; at += 32_768) {
    for (let from = at; from < Math.min(at + 32_768, bytes.length); from += pieceBytes) {
      const piece = bytes.subarray(from, from + pieceBytes)
      text.push("stdout", stream.push(piece))
    }
    for (const { data } of text.take().events) if (!OutputText.isProven(data, redactor)) redactor.json(data)
  }
}

const stages: Readonly<Record<string, (bytes: Buffer) => void>> = {
  bytes: (bytes) => {
    const stream = redactor.byteStream()
    for (let at = 0; at < bytes.length; at += pieceBytes) stream.push(bytes.subarray(at, at + pieceBytes))
    stream.end()
  },
  text: (bytes) => {
    const stream = redactor.textStream()
    for (let at = 0; at < bytes.length; at += pieceBytes)
      stream.push(bytes.subarray(at, at + pieceBytes).toString("utf8"))
    stream.end()
  },
  command: (bytes) => whole(bytes),
  json: (bytes) => {
    for (let at = 0; at < bytes.length; at += 6_000)
      redactor.json({
        lines: bytes
          .subarray(at, at + 6_000)
          .toString("utf8")
          .split("\n"),
        stream: "stdout"
      })
  }
}

for (const [name, bytes] of Object.entries(samples)) {
  const rates = Object.entries(stages).map(([stage, run]) => {
    run(bytes.subarray(0, 200_000))
    let best = Infinity
    for (let i = 0; i < 3; i++) {
      const began = process.cpuUsage()
      run(bytes)
      const { system, user } = process.cpuUsage(began)
      best = Math.min(best, (system + user) / 1000)
    }
    return `${stage} ${(bytes.length / best / 1000).toFixed(1)}`
  })
  console.log(`${name.padEnd(20)} ${rates.join(", ")} MB/s`)
}
