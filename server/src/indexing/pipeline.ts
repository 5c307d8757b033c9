/**
 * From the queue into the store: several files are read and cut at once, embedded and committed in batches while the next
 * files are prepared. A full batch waits for the commit before it, and nothing more is read until that is done: a slow
 * store, or one that is short of memory, slows the reader instead of filling memory.
 */
import { cancelled } from '../../../protocol/errors.ts';
import type { VectorStore } from '../store/types.ts';
import { Batch, embedMissing } from './batch.ts';
import { CommitQueue, commitPatiently } from './commits.ts';
import type { Lane } from './lane.ts';
import type { Patience } from './patience.ts';
import { prepareFile, type PrepareDeps } from './prepare.ts';
import type { Problems } from './problems.ts';
import type { Job, JobQueue } from './queue.ts';
import type { Throttle } from './throttle.ts';
import { inTurn } from './turns.ts';

export interface PipelineOptions extends PrepareDeps {
  store: VectorStore;
  instant: Lane;
  /** Files read and cut at once. */
  concurrency: number;
  queue: JobQueue;
  throttle: Throttle;
  problems: Problems;
  patience: Patience;
  /** After each commit, or for a file that needs none. */
  onDone: (done: Done) => Promise<void>;
}

export interface Done {
  files: number;
  /** Of them, those whose record in the store changed. */
  changed: number;
  chunks: number;
  embedded: number;
}

export class Pipeline {
  readonly #options: PipelineOptions;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /**
   * Works until the queue is empty and everything is committed.
   *
   * @throws what stopped it; jobs that were taken and not committed are then known to the next comparison only
   */
  async drain(signal: AbortSignal): Promise<void> {
    const { queue, concurrency } = this.#options;
    let batch = new Batch();
    const preparing = new Set<string>();
    const underWay = (path: string): boolean => preparing.has(path) || batch.has(path) || commits.holds(path);
    const removeMeanwhile = (): Promise<void> => this.#removeGone((path) => !underWay(path));
    const commits = new CommitQueue((full) => this.#commit(full, signal, removeMeanwhile));
    const hand = (): void => {
      commits.add(batch);
      batch = new Batch();
    };
    const work = async (): Promise<void> => {
      for (;;) {
        await commits.room();
        if (batch.full) hand();
        if (signal.aborted) throw cancelled();
        // Two readings of one file at a time could end in the wrong order.
        const job = queue.take((path) => preparing.has(path));
        if (job === undefined) return;
        preparing.add(job.path);
        await this.#prepareInto(() => batch, job, signal);
        preparing.delete(job.path);
      }
    };
    try {
      await Promise.all(Array.from({ length: concurrency }, work));
      hand();
      await commits.finished();
    } catch (error) {
      await commits.finished().catch(() => undefined);
      throw error;
    }
  }

  async #prepareInto(batch: () => Batch, job: Job, signal: AbortSignal): Promise<void> {
    const { throttle, problems, logger, onDone } = this.#options;
    const { path, kind, reason, urgency = 'now', before } = job;
    const prepare = () => prepareFile(this.#options, path, signal);
    const unhurried = () => throttle.enter(() => throttle.paced(prepare, signal));
    const prepared = kind === 'removed' ? undefined : await (urgency === 'now' ? prepare() : unhurried());
    logger.debug(`${path}: ${prepared === undefined ? 'removed' : 'indexed'} (${reason})`);
    if (prepared === undefined) {
      problems.clear(path);
      batch().remove(path);
      return;
    }
    const { file, detail } = prepared;
    if (detail === undefined) problems.clear(path);
    else problems.set({ path, reason: file.outcome, detail });
    if (before === file.outcome) await onDone({ files: 1, changed: 0, chunks: 0, embedded: 0 });
    else batch().add(prepared);
  }

  async #commit(batch: Batch, signal: AbortSignal, meanwhile: () => Promise<void>): Promise<void> {
    if (batch.files === 0) return;
    const { store, workspace, instant, throttle, patience, onDone } = this.#options;
    const tree = workspace.root;
    const vectors = await inTurn(store, instant.space, async () => {
      const missing = await embedMissing(store, instant, batch.texts, throttle, signal);
      const commit = { tree, put: batch.put, remove: batch.removed, vectors: missing === undefined ? [] : [missing] };
      await commitPatiently(store, commit, signal, { ...patience.hooks, meanwhile });
      return missing;
    });
    patience.goOn();
    const embedded = vectors === undefined ? 0 : vectors.vectors.length / instant.embedder.model.dimension;
    await onDone({ files: batch.files, changed: batch.files, chunks: batch.chunks, embedded });
  }

  /** Files that are gone need not wait for room, they make it. */
  async #removeGone(pass: (path: string) => boolean): Promise<void> {
    const { queue, store, workspace, onDone } = this.#options;
    const remove = queue.takeRemoved(pass);
    if (remove.length === 0) return;
    await store.commit({ tree: workspace.root, put: [], remove, vectors: [] });
    await onDone({ files: remove.length, changed: remove.length, chunks: 0, embedded: 0 });
  }
}
