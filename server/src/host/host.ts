/**
 * Everything one server process holds: models, parse processes, open stores and folders. Sessions lease folders; a folder
 * nobody leases is closed after a while.
 */
import { realpath, rm, stat } from 'node:fs/promises';
import { TiercelError, errorCodes, messageOf } from '../../../protocol/errors.ts';
import { createChunker, type ChunkerPool } from '../chunking/pool.ts';
import { ModelCatalog } from '../inference/models/catalog.ts';
import type { Logger } from '../logging/logger.ts';
import type { ResolvedSettings } from '../settings/index.ts';
import {
  batchLimitsFile,
  folderMemoryFile,
  indexDirectory,
  modelMemoryFile,
  modelsDirectory,
  userModelsDirectory,
} from '../settings/paths.ts';
import { repositoryIdentity } from '../workspace/identity.ts';
import { openWorkspace } from '../workspace/workspace.ts';
import { ownProcess } from '../processes/command.ts';
import { Background } from './background.ts';
import { EngineControl } from './engine.ts';
import { FolderMemory } from './folder-memory.ts';
import { Folder, notIndexed } from './folder.ts';
import { Lanes } from './lanes.ts';
import { ModelMemory } from './model-memory.ts';
import { Rerankers } from './rerankers.ts';
import { FolderSlot, type Editors, type OpenedFolder } from './slot.ts';
import { StoreRegistry } from './stores.ts';

/** How long a folder stays open after its last lease: the next command on it answers at once. */
const lingerMs = 60_000;

export interface HostOptions {
  logger: Logger;
  /** Settings of the process itself (parse processes); those of a folder come with its lease. */
  settings: ResolvedSettings;
  /** The bundle that is running; its other entries are the parse and inference processes. */
  mainFile: string;
}

export interface LeaseOptions {
  settings: ResolvedSettings;
  /** False: a folder without an index is an error (`IndexFirst`). */
  create: boolean;
}

export interface Lease {
  readonly slot: FolderSlot;
  /** Idempotent. */
  release(): void;
}

export class Host {
  /** Budgets and ways of searching, shared by all folders. */
  readonly engine: EngineControl;
  /** How much of the machine the work takes, of all folders together. */
  readonly background: Background;
  readonly #options: HostOptions;
  readonly #lanes: Promise<Lanes>;
  readonly #rerankers: Rerankers;
  readonly #chunker: ChunkerPool;
  readonly #stores = new StoreRegistry();
  readonly #slots = new Map<string, FolderSlot>();
  /** By folder: those whose slot is gone while they are being closed. */
  readonly #closing = new Map<string, Promise<void>>();
  readonly #modelMemories = new Map<string, ModelMemory>();
  /** By folder of the index: the last one that was asked for. */
  readonly #rebuilding = new Map<string, Promise<void>>();

  constructor(options: HostOptions) {
    this.#options = options;
    this.engine = new EngineControl(options.logger, () => {
      for (const slot of this.#slots.values()) void slot.budgetChanged();
    });
    const command = ownProcess('inference', options.mainFile);
    const catalog = new ModelCatalog(modelsDirectory(), userModelsDirectory());
    const { logger } = options;
    const limitsFile = batchLimitsFile();
    this.#lanes = Lanes.open({ modelsDirectory: modelsDirectory(), catalog, command, limitsFile, logger });
    this.#rerankers = new Rerankers(catalog, command);
    // Reported by the first folder that needs the lanes.
    this.#lanes.catch(() => undefined);
    this.#chunker = createChunker({
      processes: options.settings.parseProcesses,
      command: ownProcess('parse', options.mainFile),
    });
    this.background = new Background({ chunker: this.#chunker, processes: options.settings.parseProcesses, logger });
  }

  /** @throws TiercelError `FixTheCall` when the folder does not exist; `IndexFirst`, see {@link LeaseOptions.create}. */
  async lease(path: string, options: LeaseOptions): Promise<Lease> {
    const root = await existingFolder(path);
    const indexPath = indexDirectory(await repositoryIdentity(root));
    let slot = this.#slots.get(root);
    if (slot === undefined) {
      if (!options.create && !(await exists(indexPath))) throw notIndexed(root);
      slot = this.#slots.get(root) ?? this.#newSlot(root, indexPath, options.settings);
    }
    return this.#leaseOf(slot);
  }

  /** Throws the stored index of a folder (and of the other work trees of its repository) away and opens it anew. */
  async rebuild(path: string): Promise<void> {
    const indexPath = indexDirectory(await repositoryIdentity(await existingFolder(path)));
    const before = this.#rebuilding.get(indexPath) ?? Promise.resolve();
    const rebuilt = before.catch(() => undefined).then(() => this.#rebuild(indexPath));
    this.#rebuilding.set(indexPath, rebuilt);
    await rebuilt;
  }

  async #rebuild(indexPath: string): Promise<void> {
    const slots = [...this.#slots.values()].filter((slot) => slot.indexPath === indexPath);
    await Promise.all(slots.map((slot) => slot.closeFolder()));
    await rm(indexPath, { recursive: true, force: true });
    await rm(modelMemoryFile(indexPath), { force: true });
    await Promise.all(slots.map(({ root }) => rm(folderMemoryFile(root), { force: true })));
    await Promise.all(slots.map((slot) => slot.reopen()));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#slots.values()].map((slot) => this.#close(slot)));
    await this.#chunker.close();
    const lanes = await this.#lanes.catch(() => undefined);
    await lanes?.close();
    await this.#rerankers.close();
    await this.engine.close();
    this.background.close();
  }

  /** One for all work trees of a repository: they write to one file. */
  #modelMemory(indexPath: string): ModelMemory {
    const memory = this.#modelMemories.get(indexPath) ?? new ModelMemory(modelMemoryFile(indexPath));
    this.#modelMemories.set(indexPath, memory);
    return memory;
  }

  #newSlot(root: string, indexPath: string, settings: ResolvedSettings): FolderSlot {
    const slot = new FolderSlot(
      root,
      indexPath,
      settings,
      (current, editors) => this.#open(root, indexPath, current, editors),
      (error) => {
        this.#options.logger.error(`${root}: could not be opened again: ${messageOf(error)}`, error);
      },
      this.#closing.get(root),
    );
    this.#slots.set(root, slot);
    return slot;
  }

  #leaseOf(slot: FolderSlot): Lease {
    slot.leases += 1;
    clearTimeout(slot.lingering);
    let leased = true;
    const release = (): void => {
      if (!leased) return;
      leased = false;
      slot.leases -= 1;
      if (slot.leases > 0) return;
      slot.lingering = setTimeout(() => {
        this.#close(slot).catch((error: unknown) => {
          this.#options.logger.error(`${slot.root}: could not be closed: ${messageOf(error)}`, error);
        });
      }, lingerMs).unref();
    };
    return { slot, release };
  }

  async #open(
    root: string,
    indexPath: string,
    settings: ResolvedSettings,
    { documents, told }: Editors,
  ): Promise<OpenedFolder> {
    const { logger } = this.#options;
    const lanes = await this.#lanes;
    const deepModel = await lanes.deepModel(settings);
    const id = settings.inference.model;
    const models = this.#modelMemory(indexPath);
    const answering = await models.answering(root);
    const other = answering === undefined || answering.id === id ? undefined : answering;
    const before =
      other && (await lanes.deepModel({ ...settings, inference: { ...settings.inference, model: other.id } }));
    const previous = before?.resolved === undefined ? undefined : before;
    // Without the model nobody can say which vectors are needed no more.
    const keep = deepModel.resolved && (await models.want(root, { id, space: deepModel.space }));
    const wanted = previous === undefined ? [deepModel] : [deepModel, previous];
    const { store, release } = await this.#stores.lease(indexPath, lanes.spaces(wanted), keep);
    try {
      const { exclude, maxFileBytes } = settings;
      const workspace = await openWorkspace({ root, exclude, maxFileBytes, overlay: documents, told });
      const { engine, background } = this;
      const chunker = this.#chunker;
      const memory = await FolderMemory.open(folderMemoryFile(root), logger);
      const folder = new Folder({
        workspace,
        store,
        indexPath,
        chunker,
        models: { lanes, deepModel, previous, onComplete: () => models.complete(root, { id, space: deepModel.space }) },
        rerankers: this.#rerankers,
        engine,
        background,
        documents,
        memory,
        logger,
        settings,
      });
      return { folder, release };
    } catch (error) {
      await release();
      throw error;
    }
  }

  async #close(slot: FolderSlot): Promise<void> {
    clearTimeout(slot.lingering);
    if (this.#slots.get(slot.root) === slot) this.#slots.delete(slot.root);
    const closing = slot.closeFolder();
    this.#closing.set(slot.root, closing);
    try {
      await closing;
    } finally {
      if (this.#closing.get(slot.root) === closing) this.#closing.delete(slot.root);
    }
  }
}

async function existingFolder(path: string): Promise<string> {
  let root: string;
  try {
    root = await realpath(path);
  } catch (cause) {
    throw new TiercelError(errorCodes.fixTheCall, `There is no folder ${path}.`, { cause });
  }
  if (!(await stat(root)).isDirectory()) throw new TiercelError(errorCodes.fixTheCall, `${path} is not a folder.`);
  return root;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
