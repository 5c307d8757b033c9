"""NDCG@10 of cosine alone on the repositories that are held out, each question among chunks of its repository.

    python judge.py --original FOLDER --pairs PAIRS WEIGHTS...

WEIGHTS: files of train.py, `original`, or `FILE@0.7` for 0.7 of the file and 0.3 of the original. The mean is over
languages; whole documentations and names are asked with the chunk's name hidden.
"""
import argparse
import math
import random
from collections import defaultdict
from pathlib import Path

import torch
from safetensors.torch import load_file

from encoder import from_tensors, mixed
from pairs import read_groups
from texts import Reader

QUESTIONS = {"sentence": 25, "whole": 12, "name": 12}
BLIND = ("whole", "name")
OTHERS = 300
LONGEST = 192


def tasks_of(groups, choose):
    for group in groups:
        asked = []
        for kind, count in QUESTIONS.items():
            pairs = [pair for pair in group.pairs if pair.kind == kind and pair.code in group.chunks]
            asked += choose.sample(pairs, min(count, len(pairs)))
        answers = {pair.code for pair in asked}
        others = [code for code in group.chunks if code not in answers]
        yield group, asked, sorted(answers) + choose.sample(others, min(OTHERS, len(others)))


def weights_of(name, original):
    file, _, share = name.partition("@")
    if file == "original":
        return original
    return mixed(original, load_file(file), float(share or 1))


@torch.inference_mode()
def judge(model, reader, tasks):
    found = defaultdict(lambda: defaultdict(list))
    for group, asked, codes in tasks:
        chunks = reader.vectors(model, [group.chunks[code] for code in codes], LONGEST, 64)
        questions = reader.vectors(model, [pair.question for pair in asked], LONGEST, 64)
        blind = reader.vectors(model, [pair.hidden for pair in asked], LONGEST, 64)
        for pair, question, hidden in zip(asked, questions, blind):
            likeness = chunks @ question
            answer = codes.index(pair.code)
            own = hidden @ question if pair.kind in BLIND else likeness[answer].clone()
            likeness[answer] = -1
            rank = int((likeness > own).sum())
            found[pair.kind][group.language].append(1 / math.log2(rank + 2) if rank < 10 else 0)
    return {kind: sum(sum(of) / len(of) for of in by.values()) / len(by) for kind, by in found.items()}


def main(options):
    torch.set_num_threads(options.threads)
    original = load_file(options.original / "model.safetensors")
    reader = Reader(str(options.original / "tokenizer.json"))
    groups = [group for group in read_groups(options.pairs) if group.held_out]
    tasks = list(tasks_of(groups, random.Random(3)))
    for name in options.weights:
        scores = judge(from_tensors(weights_of(name, original)).eval(), reader, tasks)
        parts = ", ".join(f"{kind} {score:.4f}" for kind, score in scores.items())
        print(f"{name}: {parts}, mean {sum(scores.values()) / len(scores):.4f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--original", type=Path, required=True)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("weights", nargs="+")
    main(parser.parse_args())
