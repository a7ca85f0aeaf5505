import * as OperationStore from "@rdev/core/ports/OperationStore"
import * as UnitOfWork from "@rdev/core/ports/UnitOfWork"
import { Layer } from "effect"
import { suite } from "../src/OperationStoreSuite.ts"

suite("memory", Layer.merge(OperationStore.layerMemory, UnitOfWork.layerMemory))
