/**
 * Which models' vectors each work tree of a repository needs: a changed model is built beside the old one, which answers
 * until the new one is complete. Kept beside the index, so that an interrupted change goes on and vectors nobody needs any
 * more are known.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';

const modelSchema = z.object({
  /** As in `tiercel.inference.model`. */
  id: z.string(),
  /** Space of its vectors. */
  space: z.string(),
});
const treeSchema = z.object({
  /** Its vectors were complete once: it answers until another one's are. */
  answers: modelSchema.optional(),
  /** The model of the settings. */
  wanted: modelSchema,
});
const fileSchema = z.object({ trees: z.record(z.string(), treeSchema) });

export type RememberedModel = z.infer<typeof modelSchema>;
type Trees = z.infer<typeof fileSchema>['trees'];

export class ModelMemory {
  readonly #file: string;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(file: string) {
    this.#file = file;
  }

  /** What answers questions in this work tree. */
  async answering(tree: string): Promise<RememberedModel | undefined> {
    return (await this.#read())[tree]?.answers;
  }

  /**
   * The work tree wants this model from now on.
   *
   * @returns spaces that some work tree of the repository needs
   */
  want(tree: string, wanted: RememberedModel): Promise<string[]> {
    return this.#change(async (trees) => {
      trees[tree] = { ...trees[tree], wanted };
      for (const root of Object.keys(trees))
        if (root !== tree && !(await isThere(root))) Reflect.deleteProperty(trees, root);
      return Object.values(trees).flatMap(({ answers, wanted: { space } }) =>
        answers === undefined ? [space] : [space, answers.space],
      );
    });
  }

  /** The vectors of this model are complete: it answers from now on, even if another one is wanted by now. */
  complete(tree: string, answers: RememberedModel): Promise<void> {
    return this.#change((trees) => {
      const entry = trees[tree];
      if (entry !== undefined) trees[tree] = { ...entry, answers };
      return Promise.resolve();
    });
  }

  #change<T>(change: (trees: Trees) => Promise<T>): Promise<T> {
    const mine = this.#turn
      .catch(() => undefined)
      .then(async () => {
        const trees = await this.#read();
        const before = JSON.stringify(trees);
        const result = await change(trees);
        if (JSON.stringify(trees) !== before) await this.#write(trees);
        return result;
      });
    this.#turn = mine;
    return mine;
  }

  /** What cannot be read counts as nothing: the model of the settings answers with what it has. */
  async #read(): Promise<Trees> {
    try {
      return fileSchema.parse(JSON.parse(await readFile(this.#file, 'utf8'))).trees;
    } catch {
      return {};
    }
  }

  async #write(trees: Trees): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
    const draft = `${this.#file}.${randomUUID()}`;
    await writeFile(draft, JSON.stringify({ trees }), { mode: 0o600 });
    await rename(draft, this.#file);
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
