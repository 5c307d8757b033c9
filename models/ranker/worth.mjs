/** How much questions count when weights for repositories are learned. */

/** What a source's questions count together: how much they are like what people ask. */
const worth = { doc: 1, class: 1, header: 1, test: 1, name: 0.3, symbol: 0.5 };

/**
 * Questions that can be learned from, each with its weight: every source counts what it is worth, and every repository
 * within it the same.
 *
 * @param {number} labelled what all labelled questions count against a source that is worth 1
 */
export function weighted(questions, labelled) {
  const worthOf = ({ set, source }) => (set === 'training' ? worth[source] : labelled);
  const keyOf = ({ source, repo }) => `${source} ${repo}`;
  const all = questions.filter((question) => worthOf(question) > 0);
  const sizes = new Map();
  for (const question of all) sizes.set(keyOf(question), (sizes.get(keyOf(question)) ?? 0) + 1);
  const repos = new Map();
  for (const key of sizes.keys()) repos.set(key.split(' ')[0], (repos.get(key.split(' ')[0]) ?? 0) + 1);
  return all
    .filter(({ answer }) => answer.some((value) => value > 0))
    .map((question) => ({
      ...question,
      weight: (1000 * worthOf(question)) / repos.get(question.source) / sizes.get(keyOf(question)),
    }));
}
