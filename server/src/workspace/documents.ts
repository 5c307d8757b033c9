/** What the editors of all clients have open in one folder, and the texts that are not saved. Paths are relative to it. */
export class Documents {
  /** By path and client; the one that spoke last at the end. Undefined: open, as it stands on the disk. */
  readonly #open = new Map<string, Map<object, string | undefined>>();

  /** Paths that are open in some editor. */
  get paths(): ReadonlySet<string> {
    return new Set(this.#open.keys());
  }

  /** The text as it stands in the editor that changed it last; undefined where the file says the same. */
  text(path: string): string | undefined {
    return [...(this.#open.get(path)?.values() ?? [])].findLast((text) => text !== undefined);
  }

  /** Paths whose editors hold another text than the disk. */
  get unsaved(): string[] {
    return [...this.#open.keys()].filter((path) => this.text(path) !== undefined);
  }

  set(client: object, path: string, text: string | undefined): void {
    const clients = this.#open.get(path) ?? new Map<object, string | undefined>();
    clients.delete(client);
    clients.set(client, text);
    this.#open.set(path, clients);
  }

  close(client: object, path: string): void {
    const clients = this.#open.get(path);
    clients?.delete(client);
    if (clients?.size === 0) this.#open.delete(path);
  }

  /** What the client has open. */
  of(client: object): string[] {
    return [...this.#open].filter(([, clients]) => clients.has(client)).map(([path]) => path);
  }
}
