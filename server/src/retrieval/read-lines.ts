/** Lines `start..end` (1-based, inclusive) of a file as it is now; empty when it cannot be read. Given by the host. */
export type ReadLines = (path: string, start: number, end: number) => Promise<string[]>;
