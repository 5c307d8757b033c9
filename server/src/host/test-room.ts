/** For tests: folders with all that a server gives them, in a temporary place. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { SettingsInput } from '../../../protocol/settings.ts';
import { createChunker } from '../chunking/pool.ts';
import { ModelCatalog } from '../inference/models/catalog.ts';
import { parseEntry } from '../inference/models/entry.ts';
import { addOwnModel } from '../inference/models/install.ts';
import { writeSmallModel } from '../inference/test-model.ts';
import { bundleInferenceProcess } from '../inference/test-process.ts';
import { createLogger } from '../logging/logger.ts';
import { resolveSettings } from '../settings/index.ts';
import { modelsDirectory } from '../settings/paths.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import { Documents } from '../workspace/documents.ts';
import { openWorkspace } from '../workspace/workspace.ts';
import { Background } from './background.ts';
import type { FolderModels } from './deep-lane.ts';
import { EngineControl } from './engine.ts';
import { FolderMemory } from './folder-memory.ts';
import { Folder } from './folder.ts';
import { Lanes, type DeepModel } from './lanes.ts';
import { Rerankers } from './rerankers.ts';
import type { OpenedFolder } from './slot.ts';

const mainFile = resolve(import.meta.dirname, '../../../dist/main.mjs');

export interface TestRoom {
  /** The folder; it has nothing in it but what {@link write} wrote. */
  root: string;
  write(path: string, text: string): void;
  /** A small model of that name, installed if it is not. */
  model(id: string): Promise<DeepModel>;
  open(models: Omit<FolderModels, 'lanes'>, settings: SettingsInput): Promise<OpenedFolder>;
  remove(): Promise<void>;
}

export async function testRoom(): Promise<TestRoom> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'tiercel-host-')));
  const root = join(base, 'tree');
  mkdirSync(root);
  const logger = createLogger({});
  const bundle = await bundleInferenceProcess();
  const { command } = bundle;
  const catalog = new ModelCatalog(modelsDirectory(), join(base, 'models'));
  const limitsFile = join(base, 'batches.json');
  const lanes = await Lanes.open({ modelsDirectory: modelsDirectory(), catalog, command, limitsFile, logger });
  const chunker = createChunker({ processes: 1, command: { file: process.execPath, args: [mainFile, 'parse'] } });
  const rerankers = new Rerankers(catalog, command);
  const engine = new EngineControl(logger, () => undefined);
  const background = new Background({ chunker, processes: 1, logger });
  return {
    root,
    write: (path, text) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    },
    model: async (id) => {
      if (!(await catalog.list()).some(({ entry }) => entry.id === id)) {
        const path = await writeSmallModel(join(base, 'described', id), { id });
        const entry = parseEntry(JSON.parse(await readFile(path, 'utf8')), path);
        const { signal } = new AbortController();
        await addOwnModel(path, entry, { catalog, signal, validate: () => Promise.resolve() });
      }
      const { settings } = resolveSettings({ inference: { model: id } });
      return lanes.deepModel(settings);
    },
    open: async (models, wishes) => {
      const { settings } = resolveSettings(wishes);
      const indexPath = join(base, 'index');
      const { deepModel, previous } = models;
      const spaces = lanes.spaces(previous === undefined ? [deepModel] : [deepModel, previous]);
      const store = await openEmbeddedStore({ directory: indexPath, spaces });
      const documents = new Documents();
      const { exclude, maxFileBytes } = settings;
      const folder = new Folder({
        ...{ store, indexPath, chunker, rerankers, engine, background, documents, logger, settings },
        workspace: await openWorkspace({ root, exclude, maxFileBytes, overlay: documents }),
        memory: await FolderMemory.open(join(base, 'folder.json'), logger),
        models: { lanes, ...models },
      });
      return { folder, release: () => store.close() };
    },
    remove: async () => {
      background.close();
      await engine.close();
      await rerankers.close();
      await chunker.close();
      await lanes.close();
      await bundle.remove();
      rmSync(base, { recursive: true, force: true });
    },
  };
}
