import * as OperationStore from "@rdev/core/ports/stores/OperationStore"
import * as UnitOfWork from "@rdev/core/ports/stores/UnitOfWork"
import { Layer } from "effect"
import { suite } from "../src/stores/OperationStoreSuite.ts"

suite("memory", Layer.merge(OperationStore.layerMemory, UnitOfWork.layerMemory))
