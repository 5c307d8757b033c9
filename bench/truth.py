"""Exact neighbours: truth.py QUERIES.f32 DIMENSION DEPTH OUT < base vectors

Reads vectors of unit length from standard input, block by block, and writes the DEPTH best of each query by inner product
in f32, best first: numbers of the rows (u32) of all queries, then their scores (f32).
"""

import sys

import numpy as np

BLOCK = 16384


def main(queries_file, dimension, depth, out):
    queries = np.fromfile(queries_file, "<f4").reshape(-1, dimension)
    rows = np.zeros((len(queries), 0), np.uint32)
    scores = np.zeros((len(queries), 0), np.float32)
    start = 0
    while block := sys.stdin.buffer.read(BLOCK * dimension * 4):
        base = np.frombuffer(block, "<f4").reshape(-1, dimension)
        found = queries @ base.T
        best = np.argpartition(-found, min(depth, len(base)) - 1, axis=1)[:, :depth]
        rows = np.hstack([rows, (best + start).astype(np.uint32)])
        scores = np.hstack([scores, np.take_along_axis(found, best, axis=1)])
        order = np.lexsort((rows, -scores), axis=1)[:, :depth]
        rows = np.take_along_axis(rows, order, axis=1)
        scores = np.take_along_axis(scores, order, axis=1)
        start += len(base)
    with open(out, "wb") as file:
        file.write(rows.astype("<u4").tobytes())
        file.write(scores.astype("<f4").tobytes())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
