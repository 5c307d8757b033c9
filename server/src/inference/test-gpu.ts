/** For tests: a GPU in software, from Debian's chromium. */
import { existsSync } from 'node:fs';

const driver = '/usr/lib/chromium/vk_swiftshader_icd.json';
const loaderFolders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/chromium'];

/** Environment that gives a process the software GPU; undefined where there is none. */
export function softwareGpu(): Record<string, string> | undefined {
  const folder = loaderFolders.find((path) => existsSync(`${path}/libvulkan.so.1`));
  if (folder === undefined || !existsSync(driver)) return undefined;
  return { VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: folder };
}
