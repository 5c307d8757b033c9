"""The features of features.mjs, the linear ranker over them, and what an order is worth."""
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

RETRIEVAL = Path(__file__).resolve().parents[3] / "server" / "src" / "retrieval"
WEIGHTS = json.loads((RETRIEVAL / "weights-learned.json").read_text())
HITS, LIMIT = 10, 25


@dataclass
class Question:
    repository: str
    source: str
    alone: float
    answers: int
    by_file: bool
    # Rows are candidates.
    signals: np.ndarray
    answer: np.ndarray
    file: np.ndarray
    linear: np.ndarray = field(init=False)
    repeated: float = field(init=False)


def read_descriptions(folder, kind, with_deep):
    """Questions of a set that say what code does, by repository, and the names of their signals."""
    questions, names = [], None
    for head_file in sorted((folder / "features" / kind).glob("*.json")):
        head = json.loads(head_file.read_text())
        if names not in (None, head["names"]):
            raise SystemExit(f"{head_file} has other signals than the files before it: run features.mjs again.")
        names = head["names"]
        width = len(names)
        rows = np.fromfile(head_file.with_suffix(".f32"), dtype=np.float32).reshape(-1, width + 2)
        at = 0
        for row in head["questions"]:
            own = rows[at : at + row["rows"]]
            at += row["rows"]
            # Whether it names a thing is not written down, but functions have a signal where it does not.
            says_what_is_done = own[:, names.index("action")].any()
            if row["kind"] != "description" or row["alone"] > 0.5 or not says_what_is_done:
                continue
            source = row["source"] if kind == "training" else "labelled"
            question = Question(head_file.stem, source, row["alone"], row["answers"], row["byFile"], own[:, :width],
                                own[:, width].astype(int), own[:, width + 1].astype(int))
            question.linear, question.repeated = linear(question, names, with_deep)
            questions.append(question)
    if not questions:
        raise SystemExit(f"{folder} holds no descriptions of {kind}: run features.mjs.")
    return questions, names


def linear(question, names, with_deep):
    """As ranker.ts, where no candidate has a deep vector or every one has."""
    instant = WEIGHTS["instantBesideDeep"] if with_deep else 1
    weights = [
        ((1 - question.alone) * WEIGHTS["description"].get(name, 0) + question.alone * WEIGHTS["alone"].get(name, 0))
        * (instant if name.startswith("instant") else 1)
        for name in names
    ]
    return question.signals @ np.array(weights), (1 - question.alone) * WEIGHTS["repeated"]["description"]


def ndcg(question, scores):
    """NDCG@10 of the order as ranker.ts spreads it over files; a hit on what is found already takes no place among functions."""
    order = np.argsort(-scores, kind="stable")
    spread, before = scores[order].copy(), {}
    for place, row in enumerate(order):
        times = before.get(question.file[row], 0)
        before[question.file[row]] = times + 1
        spread[place] -= question.repeated * (1 - 0.5**times) * 2
    found, rank, gained = set(), 0, 0.0
    for row in order[np.argsort(-spread, kind="stable")][:LIMIT]:
        answer = question.answer[row]
        if rank == HITS:
            break
        if answer > 0 and answer not in found:
            found.add(answer)
            gained += 1 / np.log2(rank + 2)
        elif answer > 0 and not question.by_file:
            continue
        rank += 1
    return gained / sum(1 / np.log2(rank + 2) for rank in range(min(HITS, max(1, question.answers))))
