/** The plain types of the engine and the types of the schemas are written twice, so that embedders need no effect: here they are held together by the compiler. */
import { describe, expect, expectTypeOf, it } from "vitest"
import type * as Artifact from "../../src/model/Artifact.ts"
import type * as Event from "../../src/model/events/Event.ts"
import type * as Facts from "../../src/model/Facts.ts"
import type * as Feature from "../../src/model/Feature.ts"
import type * as FeatureEvent from "../../src/model/FeatureEvent.ts"
import type * as Finding from "../../src/model/Finding.ts"
import type * as Observed from "../../src/model/Observed.ts"
import type * as Policy from "../../src/model/Policy.ts"
import type * as Principal from "../../src/model/Principal.ts"
import type * as Task from "../../src/model/Task.ts"
import type * as Verdict from "../../src/model/Verdict.ts"
import type { FeatureFile } from "../../src/repo/FeatureFile.ts"
import type * as FeatureFileSchema from "../../src/repo/FeatureFileSchema.ts"
import type { PolicyFile } from "../../src/repo/PolicyFile.ts"
import type * as PolicyFileSchema from "../../src/repo/PolicyFileSchema.ts"
import * as Schemas from "../../src/Schemas.ts"

/** Spreads intersections and interfaces out, so that only the members count. */
type Flat<T> = T extends string | number | boolean | null | undefined ? T : { [K in keyof T]: Flat<T[K]> }

describe("plain types", () => {
  it("are the types of the schemas", () => {
    expectTypeOf<Flat<Artifact.Artifact>>().toEqualTypeOf<Flat<Schemas.Artifact>>()
    expectTypeOf<Artifact.ArtifactKind>().toEqualTypeOf<Schemas.ArtifactKind>()
    expectTypeOf<Artifact.DocumentKind>().toEqualTypeOf<Schemas.DocumentKind>()
    expectTypeOf<Flat<Artifact.LintFinding>>().toEqualTypeOf<Flat<Schemas.LintFinding>>()
    expectTypeOf<Flat<Artifact.Upstream>>().toEqualTypeOf<Flat<Schemas.Upstream>>()
    expectTypeOf<Flat<Event.Signature>>().toEqualTypeOf<Flat<Schemas.Signature>>()
    expectTypeOf<Flat<Facts.Facts>>().toEqualTypeOf<Flat<typeof Schemas.Facts.Type>>()
    expectTypeOf<Flat<Feature.Feature>>().toEqualTypeOf<Flat<Schemas.Feature>>()
    expectTypeOf<Feature.FeatureKind>().toEqualTypeOf<Schemas.FeatureKind>()
    expectTypeOf<Feature.Lifecycle>().toEqualTypeOf<Schemas.Lifecycle>()
    expectTypeOf<Flat<Finding.Finding>>().toEqualTypeOf<Flat<Schemas.Finding>>()
    expectTypeOf<Finding.Disposition>().toEqualTypeOf<Schemas.Disposition>()
    expectTypeOf<Finding.Severity>().toEqualTypeOf<Schemas.Severity>()
    expectTypeOf<Flat<Finding.QaCheck>>().toEqualTypeOf<Flat<Schemas.QaCheck>>()
    expectTypeOf<Flat<Observed.Observed>>().toEqualTypeOf<Flat<Schemas.Observed>>()
    expectTypeOf<Flat<Observed.IntegrityError>>().toEqualTypeOf<Flat<Schemas.IntegrityError>>()
    expectTypeOf<Observed.DependencyStatus>().toEqualTypeOf<Schemas.DependencyStatus>()
    expectTypeOf<Flat<Policy.Policy>>().toEqualTypeOf<Flat<Schemas.Policy>>()
    expectTypeOf<Flat<Policy.PolicyPatch>>().toEqualTypeOf<Flat<Schemas.PolicyPatch>>()
    expectTypeOf<Flat<Policy.KeyringEntry>>().toEqualTypeOf<Flat<Schemas.KeyringEntry>>()
    expectTypeOf<Flat<Policy.FreezeWindow>>().toEqualTypeOf<Flat<Schemas.FreezeWindow>>()
    expectTypeOf<Flat<Policy.Cost>>().toEqualTypeOf<Flat<Schemas.Cost>>()
    expectTypeOf<Policy.Gate>().toEqualTypeOf<Schemas.Gate>()
    expectTypeOf<Policy.GateMode>().toEqualTypeOf<Schemas.GateMode>()
    expectTypeOf<Flat<Principal.Principal>>().toEqualTypeOf<Flat<Schemas.Principal>>()
    expectTypeOf<Principal.PrincipalType>().toEqualTypeOf<Schemas.PrincipalType>()
    expectTypeOf<Flat<Task.Task>>().toEqualTypeOf<Flat<Schemas.Task>>()
    expectTypeOf<Flat<Task.TaskSpec>>().toEqualTypeOf<Flat<Schemas.TaskSpec>>()
    expectTypeOf<Task.TaskOrigin>().toEqualTypeOf<Schemas.TaskOrigin>()
    expectTypeOf<Flat<Verdict.Verdict>>().toEqualTypeOf<Flat<Schemas.Verdict>>()
    expectTypeOf<Verdict.VerdictGate>().toEqualTypeOf<Schemas.VerdictGate>()
    expectTypeOf<Flat<FeatureFile>>().toEqualTypeOf<Flat<typeof FeatureFileSchema.FeatureFile.Type>>()
    expectTypeOf<Flat<PolicyFile>>().toEqualTypeOf<Flat<typeof PolicyFileSchema.PolicyFile.Type>>()
  })
  it("name every event with its fields", () => {
    expectTypeOf<Flat<FeatureEvent.FeatureEvent>>().toEqualTypeOf<Flat<Schemas.FeatureEvent>>()
    expectTypeOf<FeatureEvent.EventType>().toEqualTypeOf<Schemas.FeatureEvent["type"]>()
    expect(Schemas.eventTypes.length).toBeGreaterThan(50)
  })
})
