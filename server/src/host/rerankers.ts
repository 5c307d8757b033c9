/** Rerankers of this process, opened when first wanted. */
import { messageOf } from '../../../protocol/errors.ts';
import type { RerankReport } from '../../../protocol/search.ts';
import type { Settings } from '../../../protocol/settings.ts';
import { chooseProvider } from '../inference/choose.ts';
import type { ModelCatalog } from '../inference/models/catalog.ts';
import { openReranker, reorder, type Reranker } from '../inference/rerank.ts';
import type { ProcessCommand } from '../processes/command.ts';
import { within } from '../processes/within.ts';

export interface RerankRequest<T> {
  settings: Pick<Settings, 'inference'>;
  query: string;
  /** Best first. */
  candidates: readonly T[];
  textOf: (candidate: T) => string;
  /** What they are in order by. */
  scoreOf: (candidate: T) => number;
  /** How long a model that is not in memory is waited for, milliseconds, on top of its budget. */
  patienceMs: number;
  signal: AbortSignal;
}

export class Rerankers {
  readonly #catalog: ModelCatalog;
  readonly #command: ProcessCommand;
  readonly #open = new Map<string, Promise<Reranker>>();

  constructor(catalog: ModelCatalog, command: ProcessCommand) {
    this.#catalog = catalog;
    this.#command = command;
  }

  /**
   * Candidates in a better order, as far as the budget goes. A reranker that cannot work leaves the order as it is and
   * says why in the report.
   *
   * @throws TiercelError `Cancelled`
   */
  async rerank<T>(request: RerankRequest<T>): Promise<{ candidates: T[]; report: RerankReport }> {
    const { settings, query, candidates, textOf, scoreOf, patienceMs, signal } = request;
    const { reranker: wanted, model, rerankBudget: budgetMs } = settings.inference;
    const id = wanted === '' ? model : wanted;
    const empty = { model: id, device: 'none', scored: 0, candidates: candidates.length, milliseconds: 0 };
    try {
      const reranker = await this.#reranker(id, settings);
      if (!reranker.loaded) await within(patienceMs, reranker.load());
      const texts = candidates.map(textOf);
      const { scores, milliseconds } = await reranker.rerank(query, texts, { budgetMs, signal });
      const report = { ...empty, model: reranker.model, device: reranker.device, scored: scores.length, milliseconds };
      const idle = scores.length === 0 && candidates.length > 0;
      const note = reranker.loaded ? 'there was no time to score one' : 'the model is being loaded';
      return { candidates: reorder(candidates, scores, scoreOf), report: idle ? { ...report, note } : report };
    } catch (error) {
      if (signal.aborted) throw error;
      return { candidates: [...candidates], report: { ...empty, note: messageOf(error) } };
    }
  }

  async close(): Promise<void> {
    for (const opened of await Promise.allSettled(this.#open.values())) {
      if (opened.status === 'fulfilled') await opened.value.close();
    }
  }

  #reranker(id: string, { inference: { provider } }: Pick<Settings, 'inference'>): Promise<Reranker> {
    const key = JSON.stringify([id, provider]);
    let opened = this.#open.get(key);
    if (opened === undefined) {
      opened = this.#openOne(id, provider);
      this.#open.set(key, opened);
      // A model may be installed any time: the next search looks again.
      opened.catch(() => this.#open.delete(key));
    }
    return opened;
  }

  async #openOne(id: string, provider: Settings['inference']['provider']): Promise<Reranker> {
    const model = await this.#catalog.resolve(id);
    const choice = await chooseProvider({ model, command: this.#command, provider, cpuAllowed: true });
    return openReranker({ model, command: this.#command, choice });
  }
}
