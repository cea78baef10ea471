/**
 * The kind of operation that trains, for those who tell it from others without loading what trains.
 */
import type { TrainModel } from "../training/TrainModel.js"

export const kind: (typeof TrainModel)["kind"] = "training"

/** True of the kind of operation that trains. */
export const isTraining = (given: string): boolean => given === kind
