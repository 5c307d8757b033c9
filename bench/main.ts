/** `npm run bench`, see docs/bench.md. */
import { messageOf } from '../protocol/errors.ts';
import { prepareCode } from './data/code.ts';
import { benchEngine } from './engine.ts';
import { benchGpu } from './gpu/bench.ts';
import { log } from './log.ts';
import { engineOptions, gpuOptions, prepareOptions, usage } from './options.ts';
import { childWord, runChild } from './processes.ts';

async function main([command, ...args]: string[]): Promise<number> {
  switch (command) {
    case childWord:
      await runChild(args[0] ?? '');
      return 0;
    case 'engine':
      return benchEngine(engineOptions(args));
    case 'gpu':
      return benchGpu(gpuOptions(args));
    case 'prepare': {
      const { lane, minutes } = prepareOptions(args);
      await prepareCode(lane, minutes);
      return 0;
    }
    default:
      log(usage);
      return command === undefined || command === 'help' ? 0 : 2;
  }
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    log(messageOf(error));
    process.exitCode = 1;
  },
);
