/**
 * Regression trees over signals (gradient boosting; Friedman 2001): what a sum of weights cannot say, as that a near name
 * counts for more in a short file. They add to the linear score, and what they add is told signal by signal.
 */
import type { SignalName, Signals } from './signals.ts';

/** A question about one signal, or the score of all that come to this end. */
export type Node = Split | number;

export interface Split {
  signal: SignalName;
  /** Values above it go to `more`, all others to `less`. */
  above: number;
  /** Mean score of the training candidates that come here. */
  mean: number;
  less: Node;
  more: Node;
}

/** Their scores are added up. */
export type Trees = readonly Split[];

function meanOf(node: Node): number {
  return typeof node === 'number' ? node : node.mean;
}

/** The sum over all trees, each measured from its mean: 0 for what is like the average candidate. */
export function treesScore(trees: Trees, signals: Signals): number {
  let score = 0;
  for (const tree of trees) {
    let node: Node = tree;
    while (typeof node !== 'number') node = signals[node.signal] > node.above ? node.more : node.less;
    score += node - tree.mean;
  }
  return score;
}

/**
 * What each signal adds to {@link treesScore}: by how much the mean changes at each of its splits on the way (Saabas 2014).
 * The parts add up to the score.
 */
export function treesShares(trees: Trees, signals: Signals): Map<SignalName, number> {
  const shares = new Map<SignalName, number>();
  for (const tree of trees) {
    let node: Node = tree;
    while (typeof node !== 'number') {
      const next: Node = signals[node.signal] > node.above ? node.more : node.less;
      shares.set(node.signal, (shares.get(node.signal) ?? 0) + meanOf(next) - node.mean);
      node = next;
    }
  }
  return shares;
}
