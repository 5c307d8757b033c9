/** The engine below all embedded stores of this process: what it may take, what it holds. */
import type { RecallLevel } from '../../../protocol/settings.ts';
import { pressureLevels, type MemoryAlert, type MemoryStatus, type PressureLevel } from '../../../protocol/status.ts';
import { configureEngine, engineStatus } from '../native/index.ts';
import type { ResolvedEngineSettings } from '../settings/engine.ts';

/** What a wish for recall costs: codes that are kept beside those of one and of eight bits. */
const recalls: Record<RecallLevel, { recall: number; planes: boolean; halves: boolean }> = {
  fast: { recall: 0.95, planes: false, halves: false },
  balanced: { recall: 0.985, planes: true, halves: false },
  precise: { recall: 0.995, planes: true, halves: true },
};

/** Open stores follow at once. */
export function applyEngineSettings({ recall, gpu: _, ...settings }: ResolvedEngineSettings): void {
  configureEngine({ ...settings, ...recalls[recall] });
}

/** @param alertsSince only alerts with a greater sequence are given */
export function memoryStatus(alertsSince?: number): MemoryStatus {
  const {
    memoryBudget,
    memoryUsed,
    level,
    parts,
    alerts,
    resident: _,
    vectors: __,
    ...rest
  } = engineStatus(alertsSince);
  return {
    ...rest,
    level: levelOf(level),
    budget: memoryBudget,
    used: memoryUsed,
    parts: parts.toSorted((a, b) => b.bytes - a.bytes),
    alerts: alerts.map((alert): MemoryAlert => ({ ...alert, level: levelOf(alert.level) })),
  };
}

/** Vectors in all open stores. */
export function vectorsHeld(): number {
  return engineStatus().vectors;
}

function levelOf(word: string): PressureLevel {
  return pressureLevels.find((level) => level === word) ?? 'normal';
}
