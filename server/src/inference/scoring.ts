/** Scores of texts for a question, in steps short enough to keep to a time budget. */
import type { TransformerModel } from './model.ts';
import { normalise } from './pooling.ts';
import type { UrgentStep } from './scheduler.ts';
import type { TextEncoder } from './tokens.ts';

export interface ScoringRequest {
  query: string;
  /** The likeliest first: they are scored first. */
  texts: readonly string[];
  /** On the clock of `performance.now()`. */
  deadline: number;
  onScores: (scores: Float32Array<ArrayBuffer>) => void;
  onFailure: (error: unknown) => void;
}

export interface ScoringModel {
  model: TransformerModel;
  encoder: TextEncoder;
  kind: 'embedding' | 'reranker';
  prefixes: { query: string; passage: string };
  bucket: (tokens: number) => number;
}

/** Characters of the first step; it is one text whatever its length. */
const firstStep = 200;
/** A step that was shorter than this is followed by one of twice its size. */
const shortStepMs = 25;
/** Longer texts are judged by their beginning: twice as many are scored in the same time. */
const mostTokens = 128;

type ScoreSome = (texts: readonly string[]) => Promise<Float32Array>;

/**
 * The steps of one request, for {@link Scheduler.addUrgent}. A step is begun only when the time it is expected to take
 * is left, so that the answer is late by no more than the first step.
 */
export function scoringSteps(scoring: ScoringModel, request: ScoringRequest): UrgentStep {
  const { texts, deadline, onScores, onFailure } = request;
  const scores = new Float32Array(texts.length);
  let done = 0;
  let size = firstStep;
  let msPerCharacter = 0;
  let scoreSome: ScoreSome | undefined;
  return async () => {
    try {
      const started = performance.now();
      const affordable = msPerCharacter === 0 ? size : (deadline - started) / msPerCharacter;
      const part = textsOfStep(texts.slice(done), Math.min(size, affordable));
      const expected = charactersOf(part) * msPerCharacter;
      if (part.length > 0 && started + expected < deadline) {
        scoreSome ??= await scorer(scoring, request.query);
        scores.set(await scoreSome(part), done);
        done += part.length;
        const ms = performance.now() - started;
        msPerCharacter = ms / charactersOf(part);
        if (ms < shortStepMs) size *= 2;
        if (done < texts.length) return false;
      }
      onScores(scores.slice(0, done));
    } catch (error) {
      onFailure(error);
    }
    return true;
  };
}

/** The first text, and those after it while they stay within so many characters. */
function textsOfStep(texts: readonly string[], characters: number): readonly string[] {
  let count = Math.min(texts.length, 1);
  while (count < texts.length && charactersOf(texts.slice(0, count + 1)) <= characters) count++;
  return texts.slice(0, count);
}

/** What is looked at of texts: tokens are not known yet, characters say enough. */
function charactersOf(texts: readonly string[]): number {
  const charactersPerToken = 4;
  return texts.reduce((sum, text) => sum + Math.min(text.length, mostTokens * charactersPerToken) + 1, 0);
}

async function scorer(scoring: ScoringModel, query: string): Promise<ScoreSome> {
  return scoring.kind === 'reranker' ? pairScorer(scoring, query) : lateInteraction(scoring, query);
}

/** Question and text go through the model together. */
function pairScorer({ model, encoder, bucket }: ScoringModel, query: string): ScoreSome {
  return (texts) => {
    const rows = texts.map((text) => encoder.encodePair(query, text));
    return model.scores(rows, bucket(Math.max(...rows.map(({ ids }) => ids.length))));
  };
}

/** MaxSim: the mean over the question's tokens of the best cosine with a token of the text. */
async function lateInteraction(scoring: ScoringModel, query: string): Promise<ScoreSome> {
  const { model, encoder, prefixes, bucket } = scoring;
  const { ids } = encoder.encode(prefixes.query + query);
  const asked = await model.tokens([ids], ids.length);
  const { dimension } = asked;
  const questions = vectorsOf(asked.data, 0, ids.length, dimension);
  return async (texts) => {
    const rows = texts.map((text) => encoder.encode(prefixes.passage + text).ids.subarray(0, mostTokens));
    const length = bucket(Math.max(...rows.map((row) => row.length)));
    const { data } = await model.tokens(rows, length);
    return Float32Array.from(rows, (row, at) => maxSim(questions, vectorsOf(data, at * length, row.length, dimension)));
  };
}

/** Token vectors of one row, each of unit length. */
function vectorsOf(data: Float32Array, first: number, count: number, dimension: number): Float32Array[] {
  return Array.from({ length: count }, (_, token) => {
    const vector = data.slice((first + token) * dimension, (first + token + 1) * dimension);
    normalise(vector);
    return vector;
  });
}

/** @returns -1 to 1 */
export function maxSim(questions: readonly Float32Array[], texts: readonly Float32Array[]): number {
  let sum = 0;
  for (const question of questions) {
    let best = -1;
    for (const text of texts) {
      let dot = 0;
      for (let i = 0; i < question.length; i++) dot += (question[i] ?? 0) * (text[i] ?? 0);
      if (dot > best) best = dot;
    }
    sum += best;
  }
  return questions.length === 0 ? 0 : sum / questions.length;
}
