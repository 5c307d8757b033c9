import { describe, expect, test } from 'vitest';
import type { FolderStatus, GpuStatus, IndexProgress, MemoryStatus } from '../../protocol/status.ts';
import { statusReport } from './statusReport.ts';
import { bytes, duration, progressSentence, statusView } from './statusView.ts';
import type { FolderState } from './statusView.ts';

const folder = { name: 'shop', path: '/code/shop' };
const running = { kind: 'running' } as const;

const memory: MemoryStatus = {
  pressure: 0.31,
  level: 'normal',
  cause: 'budget',
  explanation: 'Of the memory budget of 256 MB, 80 MB are held.',
  budget: 256 * 1024 * 1024,
  used: 80 * 1024 * 1024,
  parts: [{ name: 'vector pages', bytes: 60 * 1024 * 1024 }],
  tiers: [
    { class: 'bits', pages: 12, bytes: 1024 * 1024, hits: 97, misses: 3, evictions: 1200, promotions: 0 },
    { class: 'bytes', pages: 0, bytes: 0, hits: 0, misses: 0, evictions: 0, promotions: 0 },
  ],
  alerts: [{ sequence: 3, atMs: Date.parse('2026-01-02T03:04:05Z'), level: 'normal', message: 'There is room again.' }],
  policy: 's3-fifo',
  kernel: 'avx2',
};

const noGpu: GpuStatus = {
  mode: 'auto',
  sentence: 'Not opened: 3,400 vectors are searched on the CPU.',
  budget: 0,
  held: 0,
  vectors: 0,
  hits: 0,
  misses: 0,
  evictions: 0,
  searches: 0,
  failedOver: 0,
  events: [],
};

function status(changes: Partial<FolderStatus> = {}): FolderStatus {
  return {
    folder: folder.path,
    phase: 'ready',
    files: 120,
    chunks: 3456,
    vectors: 3400,
    bytesOnDisk: 5 * 1024 * 1024,
    bytesInMemory: 900_000,
    model: 'instant-256',
    device: 'cpu',
    coverage: { lexical: 1, instant: 1 },
    lanes: [{ lane: 'instant', model: 'instant-256', dimension: 256, device: 'cpu', vectors: 3400 }],
    notes: {
      counts: { binary: 4, 'too-large': 1 },
      examples: [{ path: 'data/big.json', reason: 'too-large', searchable: false }],
    },
    languages: { go: 3, typescript: 117 },
    memory,
    gpu: noGpu,
    disk: { used: 5 * 1024 * 1024, budget: 10 * 1024 ** 3 },
    spaces: [
      {
        name: 'instant:instant-256',
        vectors: 3400,
        index: '1-bit',
        cells: 0,
        raw: 0,
        unreferenced: 12,
        bytesOnDisk: 1024 * 1024,
        bytesInMemory: 500_000,
      },
    ],
    background: { load: 'normal', why: 'by default' },
    embedded: 0,
    indexPath: '/cache/index',
    ...changes,
  };
}

function progress(changes: Partial<IndexProgress> = {}): IndexProgress {
  return {
    folder: folder.path,
    phase: 'indexing',
    filesDone: 42,
    filesTotal: 100,
    chunksDone: 400,
    chunksPerSecond: 310.4,
    millisecondsLeft: 130_000,
    chunks: 400,
    ...changes,
  };
}

function text(...states: FolderState[]): string {
  return statusView(running, states).text;
}

describe('statusView', () => {
  test('ready, with the chunks of all folders', () => {
    expect(text({ folder, status: status() })).toBe('$(check) Tiercel: ready, 3,456 chunks');
    const other = { name: 'lib', path: '/code/lib' };
    expect(text({ folder, status: status() }, { folder: other, status: status({ chunks: 4 }) })).toContain(
      '3,460 chunks',
    );
    expect(text({ folder, status: status({ chunks: 1 }) })).toContain('ready, 1 chunk');
  });

  test('percent while indexing, over all working folders, never 100', () => {
    expect(text({ folder, progress: progress() })).toBe('$(sync~spin) Tiercel 42%');
    expect(text({ folder, progress: progress({ filesDone: 100 }) })).toBe('$(sync~spin) Tiercel 99%');
    expect(text({ folder, progress: progress() }, { folder, progress: progress({ filesDone: 0 }) })).toContain('21%');
    expect(text({ folder, progress: progress({ phase: 'scanning' }) })).toBe('$(sync~spin) Tiercel: looking for files');
  });

  test('the deep lane shows its share', () => {
    const embedding = status({ phase: 'embedding', coverage: { lexical: 1, instant: 1, deep: 0.34 } });
    expect(text({ folder, status: embedding })).toBe('$(sync~spin) Tiercel: vectors 34%');
  });

  test('paused, failed, starting and stopped', () => {
    expect(text({ folder, status: status({ phase: 'paused' }) })).toBe('$(debug-pause) Tiercel: paused');
    expect(statusView(running, [{ folder, status: status({ phase: 'failed', error: 'Disk full' }) }])).toMatchObject({
      text: '$(warning) Tiercel: indexing failed',
      tooltip: expect.stringContaining('Disk full') as string,
      severity: 'warning',
    });
    expect(statusView({ kind: 'starting' }, [{ folder }]).text).toBe('$(sync~spin) Tiercel');
    expect(text({ folder })).toBe('$(sync~spin) Tiercel');
    expect(statusView({ kind: 'down', reason: 'No server' }, [{ folder }])).toMatchObject({
      text: '$(error) Tiercel: stopped',
      severity: 'error',
    });
    expect(statusView({ kind: 'down' }, [{ folder }]).severity).toBe('none');
  });

  test('a GPU is named while it is open, and missed where it was asked for', () => {
    const view = (gpu: GpuStatus): string => statusView(running, [{ folder, status: status({ gpu }) }]).tooltip;
    expect(view(noGpu)).not.toContain('GPU');
    const sentence = 'RTX 3050 (discrete): the GPU is used.';
    expect(view({ ...noGpu, adapter: 'RTX 3050', sentence })).toContain('RTX 3050');
    expect(view({ ...noGpu, mode: 'on', sentence: 'No GPU driver was found.' })).toContain('No GPU driver was found');
  });

  test('work that waits for memory is a hint that asks for a look, and the tooltip says why', () => {
    const waiting = 'waiting for memory: the memory budget is used up. Raise tiercel.memory.budget.';
    const full = status({ phase: 'indexing', memory: { ...memory, pressure: 0.9, level: 'refuse-writes' } });
    const view = statusView(running, [{ folder, status: full, progress: progress({ waiting, message: waiting }) }]);
    expect(view).toMatchObject({ text: '$(warning) Tiercel: waiting for memory', severity: 'warning' });
    expect(view.tooltip).toContain('42 of 100 files, waiting for memory: the memory budget is used up');
    expect(view.tooltip).toContain('Memory 80\\.0 MiB of 256 MiB: indexing waits for room, searches go on');
    expect(text({ folder, status: full, progress: progress() })).toBe('$(sync~spin) Tiercel 42%');
  });

  test('the tooltip holds the details, with file names that Markdown cannot read as formatting', () => {
    const named = { ...folder, name: 'my_shop[1]' };
    const { tooltip } = statusView(running, [{ folder: named, status: status() }]);
    expect(tooltip).toContain('**my\\_shop\\[1\\]**: ready');
    expect(tooltip).toContain('3,456 chunks of 120 files, 5.0 MiB on disk');
    expect(tooltip).toContain('4 binary, 1 too\\-large');
  });
});

test('progressSentence', () => {
  expect(progressSentence(progress())).toBe('42 of 100 files, 310 chunks/s, 2 min left');
  const bare = {
    folder: '/x',
    phase: 'scanning',
    filesDone: 0,
    filesTotal: 0,
    chunksDone: 0,
    chunksPerSecond: 0,
    chunks: 0,
  } as const;
  expect(progressSentence(bare)).toBe('scanning');
});

test('duration and bytes', () => {
  expect([10, 40_000, 3_540_000, 3_900_000].map(duration)).toEqual(['1 s', '40 s', '59 min', '1 h 5 min']);
  expect([0, 1023, 1024, 5_242_880, 300 * 1024 ** 3].map(bytes)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KiB',
    '5.0 MiB',
    '300 GiB',
  ]);
});

test('statusReport is a page with a section per folder', () => {
  const report = statusReport(running, [{ folder, status: status(), progress: progress() }]);
  expect(report).toContain('## shop');
  expect(report).toContain('- State: indexing (42 of 100 files');
  expect(report).toContain('- On disk: 5.0 MiB of 10.0 GiB (');
  expect(report).toContain('- Used: 80.0 MiB of 256 MiB (31%), all folders together');
  expect(report).toContain('- Pressure: 0.31, normal\n');
  expect(report).toContain('  - vector pages: 60.0 MiB');
  expect(report).toContain('  - bits: 1.0 MiB in 12 pages, 97% hits, 1,200 evicted\n');
  expect(report).toContain(' normal: There is room again.');
  expect(report).toContain('searched as 1-bit, 1.0 MiB on disk, 12 vectors of code that is gone');
  expect(report).toContain('- too-large: 1\n  - data/big.json');
  expect(statusReport({ kind: 'down', reason: 'Gone' }, [])).toContain('The server is not running');
});
