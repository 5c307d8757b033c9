/** Recognises code that stands in the evaluation data, whatever its white space and comments. */
import { createHash } from 'node:crypto';

/** @returns a short hash of code without its white space */
export function hashOfCode(code) {
  return createHash('sha256').update(code.replaceAll(/\s+/g, '').toLowerCase()).digest('base64url').slice(0, 12);
}
