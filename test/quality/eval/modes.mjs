/** What is compared: the lanes that are asked, and how their answers are put in order. */

export const modes = {
  lexical: { lanes: ['lexical'], ranker: 'off' },
  instant: { lanes: ['instant'], ranker: 'off' },
  'lexical + instant': { lanes: ['lexical', 'instant'], ranker: 'off' },
  'lexical, hand-tuned ranker': { lanes: ['lexical'], ranker: 'hand' },
  'lexical, learned ranker': { lanes: ['lexical'], ranker: 'learned' },
  'hand-tuned ranker': { lanes: ['lexical', 'instant'], ranker: 'hand' },
  'learned ranker': { lanes: ['lexical', 'instant'], ranker: 'learned' },
};

export const deepModes = {
  deep: { lanes: ['deep'], ranker: 'off' },
  'lexical + instant + deep': { lanes: ['lexical', 'instant', 'deep'], ranker: 'off' },
  'all lanes + hand-tuned ranker': { lanes: ['lexical', 'instant', 'deep'], ranker: 'hand' },
  'all lanes + learned ranker': { lanes: ['lexical', 'instant', 'deep'], ranker: 'learned' },
};

/**
 * Only candidates of searches are embedded: asked for the first time, and once more with what that has left. 80 ms is the
 * budget of the settings; in an index of its own, since the lane is not filled.
 */
const onDemand = { lanes: ['lexical', 'instant', 'deep'], ranker: 'learned', onDemandMs: 80 };
export const onDemandModes = { 'on demand': onDemand, 'on demand again': onDemand };

/** The best hits put in order by late interaction with the built-in transformer, within the 90 ms of the settings. */
export const rerankModes = { reranked: { lanes: ['lexical', 'instant'], ranker: 'learned', rerank: true } };

/** What a user gets without asking for anything, and what the gate holds. */
export const shipped = 'learned ranker';
