import { realpath } from 'node:fs/promises';
import { findWorkTree } from './git.ts';

/**
 * What all work trees of one repository have in common, and thus the name of its index.
 *
 * @param root an existing folder
 * @returns the real path of the git common directory, or of the folder itself outside git
 */
export async function repositoryIdentity(root: string): Promise<string> {
  const directory = await realpath(root);
  return (await findWorkTree(directory))?.commonDirectory ?? directory;
}
