/** Whether a model that was just installed does what its description says. */
import { errorCodes, TiercelError } from '../../../protocol/errors.ts';
import type { ProcessCommand } from '../processes/command.ts';
import type { ResolvedModel } from './models/catalog.ts';
import { SupervisedModel } from './supervise.ts';

const question = 'read a file line by line';
const related =
  'def lines(path):\n    with open(path) as file:\n        for line in file:\n            yield line.rstrip()';
const unrelated = 'The recipe asks for two eggs, sugar and a cup of flour.';
const idleMs = 60_000;
/** Enough for the slowest model on the slowest machine to load and score two texts. */
const patienceMs = 120_000;

/**
 * Runs a model on the CPU in a process of its own: it must open, give what it says, and put code that answers a question
 * before text that does not.
 *
 * @throws TiercelError `FixTheCall` saying what is wrong with the model or its description; `InstallWhatIsMissing` when
 * it cannot be opened; `Cancelled`
 */
export async function validateModel(model: ResolvedModel, command: ProcessCommand, signal: AbortSignal): Promise<void> {
  const process = new SupervisedModel({
    command,
    idleMs,
    background: false,
    open: () => ({ model: model.spec('cpu'), provider: 'cpu', threads: 1, selfTest: 'none', yieldMs: 0 }),
  });
  try {
    const [better = Number.NaN, worse = Number.NaN] =
      model.entry.kind === 'reranker' ? await scores(process, signal) : await cosines(process, model, signal);
    // Written so that what is no number fails as well.
    if (!(better > worse)) {
      throw new TiercelError(
        errorCodes.fixTheCall,
        `${model.entry.id} failed its self-test: a text that answers a question scores ${better.toFixed(3)}, one that does not ${worse.toFixed(3)}. ` +
          'Are output, pooling and tokenizer right?',
      );
    }
  } finally {
    await process.close();
  }
}

async function scores(process: SupervisedModel, signal: AbortSignal): Promise<number[]> {
  const work = { kind: 'rerank' as const, query: question, texts: [related, unrelated], budgetMs: patienceMs };
  const answer = await process.request(work, signal);
  return answer.kind === 'scores' ? floats(answer.scores) : [];
}

async function cosines(process: SupervisedModel, { info }: ResolvedModel, signal: AbortSignal): Promise<number[]> {
  const embed = async (role: 'query' | 'passage', texts: string[]): Promise<number[]> => {
    const answer = await process.request({ kind: 'embed', role, texts }, signal);
    return answer.kind === 'vectors' ? floats(answer.vectors) : [];
  };
  const asked = await embed('query', [question]);
  const given = await embed('passage', [related, unrelated]);
  return [0, 1].map((row) =>
    asked.reduce((sum, value, i) => sum + value * (given[row * info.dimension + i] ?? Number.NaN), 0),
  );
}

function floats(bytes: Uint8Array): number[] {
  return [...new Float32Array(Uint8Array.from(bytes).buffer)];
}
