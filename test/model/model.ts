/**
 * Random steps on real git repositories, followed by the real server; after each quiet point its index must equal a fresh
 * index of the same files, and nothing may have been embedded twice.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { methods } from '../../protocol/methods.ts';
import type { IndexedFile } from '../../protocol/status.ts';
import { Client } from './client.ts';
import { differences, FreshIndex } from './fresh.ts';
import { Random } from './random.ts';
import { changedText, randomPath, randomText } from './sources.ts';
import { fileSteps, gitSteps, makeLibrary, makeRepository, WorkTree } from './work-tree.ts';

export interface ModelOptions {
  seed: number;
  steps: number;
  /** Files by which the branches differ. */
  apart: number;
  /** The client tells what happens to files (and sometimes does not); otherwise the server watches. */
  tells: boolean;
  log?: (line: string) => void;
}

export interface ModelResult {
  steps: number;
  quietPoints: number;
  kills: number;
  embedded: number;
  /** Milliseconds from the last step to the index being right, per quiet point. */
  waits: number[];
}

interface OpenFile {
  tree: WorkTree;
  path: string;
  text: string;
  version: number;
  dirty: boolean;
}

const stepsBetweenQuiet = 8;
/**
 * Within this the index must be right, counted from when the fresh ones are; or within so many times as long as those took
 * to make, where trees are large or the machine has other work.
 */
const deadlineMs = 20_000;
const timesFresh = 3;

export async function runModel(options: ModelOptions): Promise<ModelResult> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'tiercel-model-')));
  const model = new Model(base, options);
  try {
    return await model.run();
  } finally {
    await model.close();
    rmSync(base, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Model {
  readonly #base: string;
  readonly #options: ModelOptions;
  readonly #random: Random;
  readonly #main: WorkTree;
  readonly #linked: WorkTree;
  readonly #plain: WorkTree;
  readonly #open = new Map<string, OpenFile>();
  readonly #stamps = new Map<WorkTree, Map<string, string>>();
  /** Texts embedded that were counted, and vectors there were, by folder and at the last quiet point. */
  readonly #counted = new Map<string, { embedded: number; vectors: number }>();
  readonly #history: string[] = [];
  #fresh: FreshIndex | undefined;
  #client: Client | undefined;
  #folders: WorkTree[];
  #kills = 0;
  #embedded = 0;
  #halted = false;

  constructor(base: string, options: ModelOptions) {
    this.#base = base;
    this.#options = options;
    this.#random = new Random(options.seed);
    const library = join(base, 'library');
    makeLibrary(library, this.#random);
    this.#main = makeRepository(join(base, 'main'), library, options.apart, this.#random);
    const linked = join(base, 'linked');
    execFileSync('git', ['worktree', 'add', '--quiet', '--detach', linked, 'two'], { cwd: this.#main.root });
    this.#linked = new WorkTree(linked, true);
    this.#plain = new WorkTree(join(base, 'plain'), false);
    mkdirSync(this.#plain.root);
    for (let i = 0; i < 10; i++) {
      const path = randomPath(this.#random);
      this.#plain.write(path, randomText(this.#random, path));
    }
    this.#folders = [this.#main, this.#linked, this.#plain];
  }

  async run(): Promise<ModelResult> {
    this.#fresh = await FreshIndex.open(this.#base);
    await this.#connect();
    for (const tree of this.#folders) this.#stamps.set(tree, tree.stamps());
    const waits = [await this.#quiet()];
    for (let step = 1; step <= this.#options.steps; step++) {
      const did = await this.#step();
      if (did !== undefined) this.#say(`${String(step)}: ${did}`);
      await this.#tell();
      if (this.#random.chance(0.3)) await delay(this.#random.below(400));
      if (step % stepsBetweenQuiet === 0 || step === this.#options.steps) waits.push(await this.#quiet());
    }
    return {
      steps: this.#options.steps,
      quietPoints: waits.length,
      kills: this.#kills,
      embedded: this.#embedded,
      waits,
    };
  }

  async close(): Promise<void> {
    await this.#client?.killServer().catch(() => undefined);
    await this.#fresh?.close().catch(() => undefined);
  }

  get #connected(): Client {
    if (this.#client === undefined) throw new Error('There is no client.');
    return this.#client;
  }

  async #connect(): Promise<void> {
    this.#client = await Client.open({
      home: join(this.#base, 'home'),
      folders: this.#folders.map(({ root }) => root),
      tells: this.#options.tells,
    });
    for (const { tree, path, text, version } of this.#open.values()) {
      await this.#client.didOpen(tree.path(path), text, version);
    }
  }

  async #step(): Promise<string | undefined> {
    const random = this.#random;
    const tree = random.pick(random.chance(0.6) ? [this.#main] : this.#folders) ?? this.#main;
    const kind = random.next();
    if (kind < 0.5) return this.#stepOf(fileSteps, tree);
    if (kind < 0.72) return tree.hasGit ? this.#stepOf(gitSteps, tree) : undefined;
    if (kind < 0.92) return this.#editorStep(tree);
    if (kind < 0.95) return this.#folderStep();
    if (kind < 0.97) return this.#haltStep();
    await this.#connected.killServer();
    this.#kills += 1;
    await this.#connect();
    return 'server killed';
  }

  #stepOf(steps: typeof fileSteps, tree: WorkTree): string | undefined {
    const name = this.#random.pick(Object.keys(steps)) ?? '';
    const did = steps[name]?.(tree, this.#random);
    return did === undefined ? undefined : `${tree.root.slice(this.#base.length + 1)}: ${name} ${did}`;
  }

  async #editorStep(tree: WorkTree): Promise<string | undefined> {
    const random = this.#random;
    const client = this.#connected;
    const open = random.pick([...this.#open.values()]);
    if (open === undefined || (this.#open.size < 4 && random.chance(0.4))) {
      const path = random.pick(tree.files().filter((name) => !name.startsWith('.')));
      const text = path === undefined ? undefined : tree.read(path);
      if (path === undefined || text === undefined || text.includes('\0') || this.#open.has(tree.path(path))) {
        return undefined;
      }
      this.#open.set(tree.path(path), { tree, path, text, version: 1, dirty: false });
      await client.didOpen(tree.path(path), text, 1);
      return `open ${path} in an editor`;
    }
    const full = open.tree.path(open.path);
    const action = random.next();
    if (action < 0.5) {
      open.text = changedText(random, open.path, open.text);
      open.version += 1;
      open.dirty = true;
      await client.didChange(full, open.text, open.version);
      return `type in ${open.path}`;
    }
    if (action < 0.8) {
      open.tree.write(open.path, open.text);
      open.dirty = false;
      await client.didSave(full);
      return `save ${open.path}`;
    }
    this.#open.delete(full);
    await client.didClose(full);
    return `close ${open.path}${open.dirty ? ' without saving' : ''}`;
  }

  async #folderStep(): Promise<string> {
    const client = this.#connected;
    const tree = this.#random.pick([this.#plain, this.#linked]) ?? this.#plain;
    const name = tree.root.slice(this.#base.length + 1);
    if (this.#folders.includes(tree)) {
      this.#folders = this.#folders.filter((folder) => folder !== tree);
      await client.changeFolders([], [tree.root]);
      return `folder removed: ${name}`;
    }
    this.#folders = [...this.#folders, tree];
    this.#stamps.set(tree, tree.stamps());
    await client.changeFolders([tree.root], []);
    return `folder added: ${name}`;
  }

  async #haltStep(): Promise<string> {
    const folder = this.#main.root;
    const method = this.#halted ? methods.resume : methods.pause;
    this.#halted = !this.#halted;
    await this.#connected.connection.sendRequest(method, { folder });
    return this.#halted ? 'pause' : 'resume';
  }

  /** Editors reload what changed under them; the client tells of changed files, but not always. */
  async #tell(): Promise<void> {
    for (const [full, open] of this.#open) {
      if (open.dirty) continue;
      const text = open.tree.read(open.path);
      if (text === undefined || text.includes('\0')) {
        this.#open.delete(full);
        await this.#connected.didClose(full);
      } else if (text !== open.text) {
        open.text = text;
        open.version += 1;
        await this.#connected.didChange(full, text, open.version);
      }
    }
    if (!this.#options.tells) return;
    const changes = new Map<string, 1 | 2 | 3>();
    for (const tree of this.#folders) {
      const before = this.#stamps.get(tree) ?? new Map<string, string>();
      const now = tree.stamps();
      this.#stamps.set(tree, now);
      const dropped = this.#random.chance(0.2);
      const note = (path: string, type: 1 | 2 | 3): void => {
        if (!dropped && !this.#random.chance(0.02)) changes.set(tree.path(path), type);
      };
      for (const [path, stamp] of now) if (before.get(path) !== stamp) note(path, before.has(path) ? 2 : 1);
      for (const path of before.keys()) if (!now.has(path)) note(path, 3);
    }
    await this.#connected.didChangeFiles(changes);
  }

  /** Waits until the index is right. @returns milliseconds it took @throws with what is wrong at the deadline */
  async #quiet(): Promise<number> {
    if (this.#halted) this.#say(await this.#haltStep());
    const start = performance.now();
    const folders = this.#folders;
    const expected: { tree: WorkTree; unsaved: Map<string, string>; files: IndexedFile[] }[] = [];
    // One after the other: work trees of one repository share an index, and each is made from nothing here.
    for (const tree of folders) {
      const unsaved = this.#unsavedIn(tree);
      expected.push({ tree, unsaved, files: (await this.#fresh?.of(tree.root, unsaved)) ?? [] });
    }
    let wrong: string[] = [];
    const compared = performance.now();
    const allowedMs = Math.max(deadlineMs, (compared - start) * timesFresh);
    while (performance.now() - compared < allowedMs) {
      wrong = [];
      for (const { tree, unsaved, files } of expected) {
        const status = await this.#connected.status(tree.root);
        if (status.phase !== 'ready')
          wrong.push(`${tree.root}: ${status.phase} ${JSON.stringify(status.progress)} ${status.error ?? ''}`);
        const found = await this.#connected.files(tree.root);
        wrong.push(
          ...differences(files, found, { unsaved, times: !this.#options.tells }).map((line) => `${tree.root}: ${line}`),
        );
      }
      if (wrong.length === 0) {
        await this.#countEmbedded();
        return performance.now() - start;
      }
      await delay(100);
    }
    throw new Error(
      `seed ${String(this.#options.seed)}: wrong after ${allowedMs.toFixed(0)} ms:\n${wrong.slice(0, 12).join('\n')}\n` +
        `after these steps:\n${this.#history.slice(-40).join('\n')}`,
    );
  }

  /** Fails when more texts were embedded since the last quiet point than there are new vectors. */
  async #countEmbedded(): Promise<void> {
    const stores = new Map<string, { embedded: number; vectors: number }>();
    for (const { root } of this.#folders) {
      const { embedded, spaces, indexPath } = await this.#connected.status(root);
      const vectors = spaces.find(({ name }) => name.startsWith('instant:'))?.vectors ?? 0;
      const before = this.#counted.get(root);
      // The count begins anew with every opening of the folder.
      const grown = before === undefined || embedded < before.embedded ? embedded : embedded - before.embedded;
      this.#counted.set(root, { embedded, vectors });
      const store = stores.get(indexPath) ?? { embedded: 0, vectors };
      stores.set(indexPath, { embedded: store.embedded + grown, vectors });
    }
    for (const [indexPath, { embedded, vectors }] of stores) {
      const before = this.#counted.get(indexPath)?.vectors ?? 0;
      this.#counted.set(indexPath, { embedded: 0, vectors });
      this.#embedded += embedded;
      if (embedded > vectors - before) {
        throw new Error(
          `seed ${String(this.#options.seed)}: ${String(embedded)} texts were embedded for ${String(vectors - before)} new vectors:\n${this.#history.slice(-40).join('\n')}`,
        );
      }
    }
  }

  #unsavedIn(tree: WorkTree): Map<string, string> {
    return new Map(
      [...this.#open.values()]
        .filter((open) => open.tree === tree && open.dirty && open.text !== tree.read(open.path))
        .map(({ path, text }) => [path, text]),
    );
  }

  #say(line: string): void {
    this.#history.push(line);
    this.#options.log?.(line);
  }
}
