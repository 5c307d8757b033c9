/** The lanes of a folder as its status shows them. */
import type { LaneStatus } from '../../../protocol/status.ts';
import type { Lane } from '../indexing/lane.ts';
import type { DeepModel, DeepOutcome } from './lanes.ts';

/** @param vectorsIn vectors of a space */
export function laneStatuses(
  instant: Lane,
  deepModel: DeepModel,
  deep: DeepOutcome,
  vectorsIn: (space: string) => number,
): LaneStatus[] {
  const { model, device } = instant.embedder;
  const { info, space } = deepModel;
  return [
    { lane: 'instant', model: model.id, dimension: model.dimension, device, vectors: vectorsIn(instant.space) },
    { lane: 'deep', model: info.id, dimension: info.dimension, vectors: vectorsIn(space), ...whereItRuns(deep) },
  ];
}

function whereItRuns({ lane, note }: DeepOutcome): Omit<LaneStatus, 'lane' | 'model' | 'dimension' | 'vectors'> {
  if (lane === undefined) return { device: 'off', note };
  const { device, choice, placement, processIds } = lane.embedder;
  const loaded = processIds.passages !== undefined || processIds.questions !== undefined;
  if (placement === undefined) return { device, why: choice.why, loaded };
  const { nodes, onCpu: nodesOnCpu, cpuOperators } = placement;
  return { device, why: choice.why, loaded, nodes, nodesOnCpu, cpuOperators };
}
