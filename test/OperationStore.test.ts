import { layerMemory } from "../src/OperationStore.js"
import { contract } from "./contract/OperationStore.js"

contract("memory", layerMemory)
