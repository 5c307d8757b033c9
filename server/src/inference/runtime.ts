/** The only loader of onnxruntime-node. */
import { createRequire } from 'node:module';
import type * as Runtime from 'onnxruntime-node';
import { errorCodes, messageOf, TiercelError } from '../../../protocol/errors.ts';
import { executionProviders, runtimeNames, type ExecutionProvider } from './providers.ts';

export type OnnxRuntime = typeof Runtime;

/** @throws TiercelError `InstallWhatIsMissing` when the package or its native library cannot be loaded */
export function loadRuntime(): OnnxRuntime {
  try {
    // Loaded at run time: a bundle cannot hold its native library.
    return createRequire(import.meta.url)('onnxruntime-node') as OnnxRuntime;
  } catch (error) {
    throw new TiercelError(
      errorCodes.installWhatIsMissing,
      `onnxruntime-node cannot be loaded (${messageOf(error)}): install Tiercel again for this machine.`,
      { cause: error },
    );
  }
}

/** Providers that this build of the runtime knows; whether they run is another question. @throws as {@link loadRuntime} */
export function knownProviders(): ExecutionProvider[] {
  const names = new Set(
    loadRuntime()
      .listSupportedBackends()
      .map(({ name }) => name),
  );
  return executionProviders.filter((provider) => names.has(runtimeNames[provider].option));
}
