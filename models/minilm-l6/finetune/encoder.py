"""The encoder of all-MiniLM-L6-v2 in torch, read from and written to the tensors of its model.safetensors."""
import torch
import torch.nn.functional as F
from torch import nn

HIDDEN, HEADS, LAYERS, INNER = 384, 12, 6, 1536
PARTS = ("weight", "bias")
LAYER_NAMES = {
    "out": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "norm": "output.LayerNorm",
}
EMBEDDING_NAMES = {"words": "word", "positions": "position", "types": "token_type"}


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(HIDDEN, 3 * HIDDEN)
        self.out = nn.Linear(HIDDEN, HIDDEN)
        self.attention_norm = nn.LayerNorm(HIDDEN, eps=1e-12)
        self.up = nn.Linear(HIDDEN, INNER)
        self.down = nn.Linear(INNER, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN, eps=1e-12)

    def forward(self, x, masked):
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, HEADS, HIDDEN // HEADS).permute(2, 0, 3, 1, 4)
        # Written out: on the CPU the backward pass of the fused attention is three times as slow.
        scores = q @ k.transpose(-1, -2) * (HIDDEN // HEADS) ** -0.5 + masked
        attended = torch.softmax(scores, -1, dtype=scores.dtype) @ v
        x = self.attention_norm(x + self.out(attended.transpose(1, 2).reshape(batch, length, HIDDEN)))
        return self.norm(x + self.down(F.gelu(self.up(x))))


class Encoder(nn.Module):
    """Token numbers and mask [batch, length] to vectors [batch, 384] of unit length."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(30522, HIDDEN)
        self.positions = nn.Embedding(512, HIDDEN)
        self.types = nn.Embedding(2, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN, eps=1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def forward(self, ids, mask):
        x = self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]] + self.types.weight[0])
        dtype = torch.bfloat16 if torch.is_autocast_enabled("cpu") else torch.float32
        masked = ((1 - mask) * -1e4)[:, None, None, :].to(dtype)
        for layer in self.layers:
            x = layer(x, masked)
        weights = mask[:, :, None].float()
        return F.normalize((x.float() * weights).sum(1) / weights.sum(1), dim=1)


def places(model):
    """Pairs of a parameter and the names of its tensors; several are stacked."""
    for mine, theirs in EMBEDDING_NAMES.items():
        yield getattr(model, mine).weight, [f"embeddings.{theirs}_embeddings.weight"]
    for part in PARTS:
        yield getattr(model.norm, part), [f"embeddings.LayerNorm.{part}"]
        for number, layer in enumerate(model.layers):
            at = f"encoder.layer.{number}."
            yield getattr(layer.qkv, part), [f"{at}attention.self.{n}.{part}" for n in ("query", "key", "value")]
            for mine, theirs in LAYER_NAMES.items():
                yield getattr(getattr(layer, mine), part), [f"{at}{theirs}.{part}"]


@torch.no_grad()
def from_tensors(tensors):
    model = Encoder()
    for parameter, names in places(model):
        parameter.copy_(torch.cat([tensors[name] for name in names]))
    return model


@torch.no_grad()
def to_tensors(model, original):
    """The model's tensors, and of the original those it has besides (the pooler)."""
    found = {name: tensor.clone() for name, tensor in original.items()}
    for parameter, names in places(model):
        for name, tensor in zip(names, parameter.chunk(len(names))):
            found[name] = tensor.clone().contiguous()
    return found


def mixed(original, tuned, share):
    """Tensors between two models: `share` of the tuned one (Wortsman et al. 2022, WiSE-FT)."""
    floats = {name: original[name].lerp(value, share) for name, value in tuned.items() if value.is_floating_point()}
    return {**tuned, **floats}
