import * as MemoryOperationStore from "@rdev/core/memory/stores/OperationStore"
import * as MemoryUnitOfWork from "@rdev/core/memory/stores/UnitOfWork"
import { Layer } from "effect"
import { suite } from "../src/stores/OperationStoreSuite.ts"

suite("memory", Layer.merge(MemoryOperationStore.layer, MemoryUnitOfWork.layer))
