"""Texts to vectors: tokens, batches of like length, bfloat16 where the machine computes with it."""
import math

import torch
from tokenizers import Tokenizer

END = 102  # [SEP]


class Reader:
    def __init__(self, tokenizer_file):
        self.tokenizer = Tokenizer.from_file(tokenizer_file)
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()

    def tokens(self, texts, longest):
        found = [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]
        return [ids if len(ids) <= longest else [*ids[: longest - 1], END] for ids in found]

    def vectors(self, model, texts, longest, at_most):
        """Vectors [texts, 384], computed in batches of at most so many texts of like length."""
        ids = self.tokens(texts, longest)
        order = sorted(range(len(ids)), key=lambda text: len(ids[text]))
        size = math.ceil(len(order) / math.ceil(len(order) / at_most))
        found = []
        for start in range(0, len(order), size):
            batch = [ids[text] for text in order[start : start + size]]
            tokens = torch.zeros(len(batch), max(map(len, batch)), dtype=torch.long)
            mask = torch.zeros(tokens.shape)
            for row, of_text in enumerate(batch):
                tokens[row, : len(of_text)] = torch.tensor(of_text)
                mask[row, : len(of_text)] = 1
            with torch.autocast("cpu", torch.bfloat16):
                found.append(model(tokens, mask))
        places = torch.empty(len(order), dtype=torch.long)
        places[torch.tensor(order)] = torch.arange(len(order))
        return torch.cat(found)[places]
