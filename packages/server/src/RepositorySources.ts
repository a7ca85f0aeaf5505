/** Where repositories may be brought in from: public addresses, and those of RDEV_SOURCE_ALLOW. */
import * as Source from "@rdev/git/Source"
import * as OutboundHttp from "@rdev/runtime-node/http/OutboundHttp"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { type ServerConfig, StartError } from "./ServerConfig.ts"

const variable = "RDEV_SOURCE_ALLOW"

const http = ({ sourceAllow }: Pick<ServerConfig, "sourceAllow">) =>
  Result.mapError(
    OutboundHttp.make({ allow: sourceAllow, setting: variable }),
    ({ message }) =>
      new StartError({ field: variable, problem: message, fix: "Write names, addresses or ranges, or unset it" })
  )

export const layer = (config: Pick<ServerConfig, "sourceAllow">): Layer.Layer<never, StartError> =>
  Layer.unwrap(Effect.map(Effect.fromResult(http(config)), Source.layer))
