#!/usr/bin/env node
/** Entry of every process of ours but the extension host: `lsp | cli | daemon | parse | inference`. */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../protocol/errors.ts';
import manifest from '../../package.json' with { type: 'json' };

const mainFile = realpathSync(fileURLToPath(import.meta.url));

async function main(): Promise<number> {
  const [entry, ...args] = process.argv.slice(2);
  // Each entry loads its own room only: a parse process needs no language server, a pipe no engine.
  switch (entry) {
    case 'daemon': {
      const { serve } = await import('./daemon/serve.ts');
      await serve({ mainFile, version: manifest.version });
      return 0;
    }
    case 'parse': {
      const { runParseProcess } = await import('./chunking/process.ts');
      await runParseProcess();
      return 0;
    }
    case 'inference': {
      const { runInferenceProcess } = await import('./inference/process.ts');
      await runInferenceProcess();
      return 0;
    }
    case 'lsp': {
      const { pipeStdio } = await import('./daemon/pipe.ts');
      await pipeStdio(mainFile);
      return 0;
    }
    default: {
      const { runCli } = await import('./cli/cli.ts');
      return runCli(entry === 'cli' ? args : process.argv.slice(2), { mainFile, version: manifest.version });
    }
  }
}

main().then(
  (code) => {
    process.exit(code);
  },
  (error: unknown) => {
    process.stderr.write(`tiercel: ${messageOf(error)}\n`);
    process.exit(1);
  },
);
