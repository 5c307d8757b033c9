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
  'all lanes, learned ranker': { lanes: ['lexical', 'instant', 'deep'], ranker: 'learned' },
};

/** What a user gets without asking for anything, and what the gate holds. */
export const shipped = 'learned ranker';
