"""Step 4: trees for descriptions, on top of the linear weights, and what they are worth on repositories kept apart.

    python train.py --without-deep FOLDER --with-deep FOLDER [--write]

FOLDER is as features.mjs leaves it with the sets `training` and `doc-to-function`, once without and once with --deep. The
training repositories are those that neither lane's vectors were trained on. LambdaMART (Burges 2010) as LightGBM has it:
trees that move answers before other candidates, each candidate starting from nothing, so that they learn the order anew and
are then added to the linear score. What is in common with the query never counts against a chunk. --write puts the trees
learned from all questions into server/src/retrieval/trees-learned.json, where they were better by more than chance.
"""
import argparse
import json
from collections import Counter
from pathlib import Path

import lightgbm
import numpy as np

from questions import RETRIEVAL, ndcg, read_descriptions

FOLDS, TREES, LEAVES, RATE = 5, 100, 8, 0.1
# What the trees' scores count beside the linear one.
COUNTS = 0.25
# A question is learned from its best candidates.
MOST_ROWS = 60
# Set by hand or measured elsewhere; and what the questions were made without, their answers' documentation.
LEFT_OUT = {"near", "recent", "language", "private", "doc", "alike", "evenly", "akin"}
EVIDENCE = {
    "chunk", "fileBest", "file", "body", "symbol", "covered", "fileCovered", "nameCovered", "namePrecision", "folderCovered",
    "instant", "instantRank", "instantFile", "deep", "deepRank", "deepFile", "defines", "definesExactly", "definesPart",
    "symbolPrecision", "symbolCovered", "ownerPrecision", "signatureCovered",
}


class Learner:
    def __init__(self, names):
        self.columns = [at for at, name in enumerate(names) if name not in LEFT_OUT]
        self.names = [names[at] for at in self.columns]

    def learn(self, questions):
        times = Counter((question.repository, question.source) for question in questions)
        signals, answers, groups, weights = [], [], [], []
        for question in questions:
            best = np.argsort(-question.linear)[:MOST_ROWS]
            answer = (question.answer[best] > 0).astype(int)
            if not answer.any():
                continue
            signals.append(question.signals[best][:, self.columns])
            answers.append(answer)
            groups.append(len(best))
            # Of a repository with many questions each counts less.
            weights += [times[question.repository, question.source] ** -0.5] * len(best)
        data = lightgbm.Dataset(np.vstack(signals), np.concatenate(answers), group=groups,
                                weight=np.array(weights) / np.mean(weights), feature_name=self.names)
        options = dict(objective="lambdarank", num_leaves=LEAVES, learning_rate=RATE, min_data_in_leaf=50, lambda_l2=10,
                       feature_fraction=0.6, bagging_fraction=0.8, bagging_freq=1, seed=1, deterministic=True,
                       num_threads=2, verbose=-1,
                       monotone_constraints=[int(name in EVIDENCE) for name in self.names])
        return lightgbm.train(options, data, TREES)

    def scores(self, trees, question):
        return question.linear + COUNTS * (1 - question.alone) * trees.predict(question.signals[:, self.columns])


def node_of(node, names):
    """A node as trees.ts reads it; the mean is over the training candidates that come there."""
    if "leaf_value" in node:
        return COUNTS * node["leaf_value"], node["leaf_count"]
    (less, less_count), (more, more_count) = (node_of(node[side], names) for side in ("left_child", "right_child"))
    count = less_count + more_count
    mean = (value_of(less) * less_count + value_of(more) * more_count) / count
    return {"signal": names[node["split_feature"]], "above": node["threshold"], "mean": mean, "less": less, "more": more}, count


def value_of(node):
    return node["mean"] if isinstance(node, dict) else node


def short(node):
    if not isinstance(node, dict):
        return float(f"{node:.4g}")
    return {key: short(value) if key != "signal" else value for key, value in node.items()}


def kept_apart(learner, questions):
    """Of each question NDCG@10 before, and with trees from the repositories of the other folds."""
    repositories = sorted({question.repository for question in questions})
    rows = []
    for fold in range(FOLDS):
        own = set(repositories[fold::FOLDS])
        trees = learner.learn([question for question in questions if question.repository not in own])
        for question in questions:
            if question.repository in own:
                rows.append((question, ndcg(question, question.linear), ndcg(question, learner.scores(trees, question))))
    return rows


def report(rows):
    """A line a source, means over repositories and 95% of a paired bootstrap of questions; true where all together gain."""
    choose = np.random.default_rng(1)
    low = 0
    for source in [*sorted({question.source for question, _, _ in rows}), "all"]:
        own = [row for row in rows if source in (row[0].source, "all")]
        names = sorted({question.repository for question, _, _ in own})
        before, after = (np.mean([np.mean([row[at] for row in own if row[0].repository == name]) for name in names]) for at in (1, 2))
        gains = np.array([row[2] - row[1] for row in own])
        means = [choose.choice(gains, len(gains)).mean() for _ in range(2000)]
        low, high = np.percentile(means, [2.5, 97.5])
        print(f"  {source:<9} {len(own):5} questions, {len(names):2} repositories: {before:.4f} -> {after:.4f}; "
              f"a question {gains.mean():+.4f} ({low:+.4f} … {high:+.4f})", flush=True)
    return low > 0


def learned(folder, with_deep):
    training, names = read_descriptions(folder, "training", with_deep)
    labelled, labelled_names = read_descriptions(folder, "doc-to-function", with_deep)
    if names != labelled_names:
        raise SystemExit(f"The sets of {folder} have different signals: run features.mjs again.")
    learner = Learner(names)
    print(f"{'with' if with_deep else 'without'} the deep lane, from the training repositories alone:")
    apart = learner.learn(training)
    report([(question, ndcg(question, question.linear), ndcg(question, learner.scores(apart, question))) for question in labelled])
    print("from all, kept apart by repository:")
    gains = report(kept_apart(learner, training + labelled))
    trees = learner.learn(training + labelled).dump_model()["tree_info"]
    nodes = [short(node_of(tree["tree_structure"], learner.names)[0]) for tree in trees]
    return gains, [node for node in nodes if isinstance(node, dict)]


def main(options):
    sets = {"withoutDeep": learned(options.without_deep, False), "withDeep": learned(options.with_deep, True)}
    if not options.write:
        return
    if not all(gains for gains, _ in sets.values()):
        raise SystemExit("Nothing is written: the trees are not better by more than chance.")
    # A line a tree.
    parts = [f"  {json.dumps(name)}: [\n" + ",\n".join(f"    {json.dumps(tree)}" for tree in trees) + "\n  ]"
             for name, (_, trees) in sets.items()]
    (RETRIEVAL / "trees-learned.json").write_text("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--without-deep", type=Path, required=True)
    parser.add_argument("--with-deep", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    main(parser.parse_args())
