/** What a file contains now, or why it is not for the index. */
import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../protocol/errors.ts';
import { judge } from './authorship.ts';
import { languageOf } from './languages.ts';
import { isInside } from './listing.ts';
import { decode, isPlainUtf8 } from './text.ts';
import type { FileContent, FileEntry, Overlay } from './types.ts';

/** Stands for content that was not read. */
const noHash = new Uint8Array(16);

/**
 * @param root real path of the folder
 * @param path relative to it, with `/`
 */
export async function readContent(root: string, path: string, maxFileBytes: number): Promise<FileContent> {
  const read = await readBytes(root, path, maxFileBytes);
  return read.kind === 'bytes' ? judgeBytes(read.entry, read.bytes) : read;
}

/** The text of a file whatever stands in it; undefined when it has none or cannot be read. */
export async function readText(root: string, path: string, maxFileBytes: number): Promise<string | undefined> {
  const read = await readBytes(root, path, maxFileBytes);
  if (read.kind !== 'bytes') return undefined;
  // A snippet is read while somebody waits: UTF-8 is not weighed byte by byte again, as it was when it was indexed.
  if (isPlainUtf8(read.bytes)) return read.bytes.toString('utf8');
  const decoded = decode(read.bytes);
  return 'text' in decoded ? decoded.text : undefined;
}

/** A text that stands in for a file, which has to be there all the same. */
export async function overlaid(root: string, path: string, text: string, maxFileBytes: number): Promise<FileContent> {
  const disk = await readBytes(root, path, maxFileBytes);
  if (disk.kind === 'gone') return disk;
  const bytes = Buffer.from(text);
  const entry = overlayEntry(path, bytes);
  return bytes.length > maxFileBytes ? tooLarge(entry, maxFileBytes) : judgeText(entry, hashOf(bytes), text);
}

/** The entry of a listing, or in its place that of the text which stands in for the file. */
export function stampOverlay(entry: FileEntry, overlay: Overlay): FileEntry {
  const text = overlay.text(entry.path);
  return text === undefined ? entry : overlayEntry(entry.path, Buffer.from(text));
}

/** No file was changed before 1970: what was indexed of a text in an editor is never taken for what stands on the disk. */
function overlayEntry(path: string, bytes: Buffer): FileEntry {
  return { path, size: bytes.length, mtimeMs: -1 - Buffer.from(hashOf(bytes)).readUInt32LE() };
}

async function readBytes(
  root: string,
  path: string,
  maxFileBytes: number,
): Promise<Exclude<FileContent, { kind: 'text' }> | { kind: 'bytes'; entry: FileEntry; bytes: Buffer }> {
  const entry: FileEntry = { path, size: 0, mtimeMs: 0 };
  try {
    const real = await realpath(join(root, path));
    if (!isInside(root, real)) return unreadable(entry, 'a link that leads out of the folder');
    // Looked at before it is opened: opening a named pipe would wait for its writer.
    const found = await stat(real);
    entry.size = found.size;
    entry.mtimeMs = found.mtimeMs;
    if (found.isDirectory()) return { kind: 'gone' };
    if (!found.isFile()) return unreadable(entry, 'not a regular file');
    if (found.size > maxFileBytes) return tooLarge(entry, maxFileBytes);
    const bytes = await readFile(real);
    entry.size = bytes.length;
    return bytes.length > maxFileBytes ? tooLarge(entry, maxFileBytes) : { kind: 'bytes', entry, bytes };
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      return { kind: 'gone' };
    }
    return unreadable(entry, messageOf(error));
  }
}

function judgeBytes(entry: FileEntry, bytes: Buffer): FileContent {
  const hash = hashOf(bytes);
  const decoded = decode(bytes);
  if ('text' in decoded) return judgeText(entry, hash, decoded.text);
  return { kind: 'skipped', entry, hash, language: languageOf(entry.path), ...decoded };
}

function judgeText(entry: FileEntry, hash: Uint8Array, text: string): FileContent {
  const language = languageOf(entry.path, text.slice(0, 20_000));
  if (text.trim() === '') return { kind: 'skipped', entry, hash, language, reason: 'empty' };
  const verdict = judge(entry.path, language, text);
  return verdict === undefined
    ? { kind: 'text', entry, hash, language, text }
    : { kind: 'skipped', entry, hash, language, ...verdict };
}

function tooLarge(entry: FileEntry, limit: number): FileContent & { kind: 'skipped' } {
  const detail = `${String(entry.size)} bytes; the setting tiercel.maxFileBytes allows ${String(limit)}`;
  return { kind: 'skipped', entry, hash: noHash, language: languageOf(entry.path), reason: 'too-large', detail };
}

function unreadable(entry: FileEntry, detail: string): FileContent & { kind: 'skipped' } {
  return { kind: 'skipped', entry, hash: noHash, language: languageOf(entry.path), reason: 'unreadable', detail };
}

function hashOf(bytes: Buffer): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest().subarray(0, 16));
}
