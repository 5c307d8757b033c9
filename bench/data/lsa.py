"""Latent semantic analysis of code: lsa.py TEXTS.jsonl QUERIES DIMENSION FOLDER

TF-IDF over the words of identifiers and comments (split at case and punctuation, in lower case), then the randomised SVD
of Halko, Martinsson and Tropp (SIAM Review 53, 2011). Fitted without the first QUERIES texts, which are projected.
Writes base.f32 and queries.f32, unit length.
"""

import json
import re
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def words(text):
    return [word.lower() for word in WORD.findall(text) if len(word) > 1]


def main(texts_file, query_count, dimension, folder):
    start = time.time()
    with open(texts_file, encoding="utf8") as lines:
        texts = [json.loads(line) for line in lines]
    vectorizer = TfidfVectorizer(analyzer=words, min_df=3, max_df=0.3, sublinear_tf=True, dtype=np.float32)
    base = vectorizer.fit_transform(texts[query_count:])
    queries = vectorizer.transform(texts[:query_count])
    print(f"{base.shape[0]} x {base.shape[1]} words, {base.nnz} counts, {time.time() - start:.0f} s", file=sys.stderr)
    svd = TruncatedSVD(n_components=dimension, n_iter=2, n_oversamples=16, random_state=1)
    svd.fit(base)
    print(f"SVD after {time.time() - start:.0f} s", file=sys.stderr)
    for name, matrix in (("base", base), ("queries", queries)):
        vectors = svd.transform(matrix).astype(np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        # A text without a known word gets the first axis, as everywhere in Tiercel.
        vectors[lengths[:, 0] < 1e-6, 0] = 1
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
        vectors.tofile(Path(folder) / f"{name}.f32")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
