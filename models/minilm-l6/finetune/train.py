"""Fine-tunes all-MiniLM-L6-v2 on the pairs of pairs.py.

    python train.py --original FOLDER --pairs PAIRS --out WEIGHTS.safetensors --minutes 60

FOLDER holds `model.safetensors` and `tokenizer.json`. In-batch InfoNCE both ways (van den Oord et al. 2018), as for the
instant lane. Most wrong answers of a batch come from the same repository, many from the same file.
"""
import argparse
import random
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from encoder import from_tensors, to_tensors
from pairs import ACROSS, read_groups
from texts import Reader

# The part of a repository's pairs of a kind that an epoch takes.
SHARE = {"sentence": 1, "whole": 0.8, "further": 0.5, "name": 0.5, "example": 1, "test": 0.6, "header": 0.5, "same": 1}
NAME_HIDDEN = 0.35
NEIGHBOURS = 8
MOST_OF_REPOSITORY, MOST_ACROSS = 1600, 8192
TEMPERATURE = 0.05
LONGEST_QUESTION = 96
RISE = 0.05


def order_of(group, choose):
    """What an epoch takes of a repository: blocks of neighbours in its files, in random order."""
    pairs = [pair for pair in group.pairs if choose.random() < SHARE[pair.kind]]
    if group.repository == ACROSS:
        choose.shuffle(pairs)
        return pairs[:MOST_ACROSS]
    pairs.sort(key=lambda pair: pair.place)
    blocks = [pairs[at : at + NEIGHBOURS] for at in range(0, len(pairs), NEIGHBOURS)]
    choose.shuffle(blocks)
    return [pair for block in blocks for pair in block][:MOST_OF_REPOSITORY]


def runs_of(groups, length, choose):
    """Runs of pairs of one repository, without end."""
    while True:
        runs = []
        for group in groups:
            order = order_of(group, choose)
            runs += [order[at : at + length] for at in range(0, len(order) - length // 2, length)]
        if not runs:
            raise SystemExit("There is nothing to train on: pairs.py left no repository with a run of pairs.")
        choose.shuffle(runs)
        print(f"an epoch of {sum(map(len, runs))} pairs", flush=True)
        yield from runs


def loss_of(model, reader, pairs, longest, choose):
    """Questions find their passages, and passages their questions, among all of the batch."""
    blind = ("sentence", "further", "whole")
    passages = [p.hidden if p.kind in blind and choose.random() < NAME_HIDDEN else p.passage for p in pairs]
    questions = reader.vectors(model, [pair.question for pair in pairs], LONGEST_QUESTION, 64)
    answers = reader.vectors(model, passages, longest, 32)
    likeness = questions @ answers.T / TEMPERATURE
    same = torch.tensor([[a.code == b.code or a.question == b.question for b in pairs] for a in pairs])
    likeness = likeness.masked_fill(same & ~torch.eye(len(pairs), dtype=torch.bool), -1e4)
    own = torch.arange(len(pairs))
    return (F.cross_entropy(likeness, own) + F.cross_entropy(likeness.T, own)) / 2


def optimiser_of(model, rate):
    decays = {name: p.ndim > 1 and "words" not in name for name, p in model.named_parameters()}
    parts = [{"params": [p for name, p in model.named_parameters() if decays[name] == decay], "weight_decay": 0.01 * decay}
             for decay in (True, False)]
    return torch.optim.AdamW(parts, lr=rate, betas=(0.9, 0.98))


def main(options):
    choose = random.Random(options.seed)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    original = load_file(options.original / "model.safetensors")
    model, reader = from_tensors(load_file(options.start) if options.start else original), Reader(str(options.original / "tokenizer.json"))
    runs = runs_of([group for group in read_groups(options.pairs) if not group.held_out], options.run, choose)
    optimiser = optimiser_of(model, options.rate)
    start, step, seen, mean = time.time(), 0, 0, None
    while (done := (time.time() - start) / 60 / options.minutes) < 1:
        for part in optimiser.param_groups:
            part["lr"] = options.rate * min(1, done / RISE, (1 - done) / (1 - RISE) + 0.02)
        pairs = []
        while len(pairs) < options.batch:
            pairs += next(runs)
        loss = loss_of(model, reader, pairs, options.longest, choose)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step, seen = step + 1, seen + len(pairs)
        mean = loss.item() if mean is None else 0.95 * mean + 0.05 * loss.item()
        if step % 20 == 0:
            print(f"{step} steps, {seen} pairs, {time.time() - start:.0f} s, loss {mean:.4f}", flush=True)
    save_file(to_tensors(model, original), options.out, metadata={"format": "pt"})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--original", type=Path, required=True)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--start", help="weights of an earlier run to go on from, instead of the original's")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--run", type=int, default=64)
    parser.add_argument("--longest", type=int, default=104)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    main(parser.parse_args())
