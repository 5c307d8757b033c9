import { cancelled } from '../../../protocol/errors.ts';

/**
 * What a process answers, or undefined when it takes longer; its error is then nobody's.
 *
 * @throws TiercelError `Cancelled` on signal
 */
export async function within<T>(
  ms: number,
  answer: Promise<T>,
  signal?: AbortSignal,
): Promise<{ value: T } | undefined> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const late = new Promise<undefined>((resolve, reject) => {
    timer = setTimeout(() => {
      // After a pause of this process, or of the whole machine, the timer is due before what came in time is read.
      setImmediate(() => {
        resolve(undefined);
      });
    }, ms);
    onAbort = (): void => {
      reject(cancelled());
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
  const value = answer.then((given) => ({ value: given }));
  value.catch(() => undefined);
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
  }
}
