"""Writes the weights between the original and those of train.py that are shipped.

    python mix.py --original FOLDER --tuned WEIGHTS --share 0.5 --out WEIGHTS
"""
import argparse
from pathlib import Path

from safetensors.torch import load_file, save_file

from encoder import mixed

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--original", type=Path, required=True)
    parser.add_argument("--tuned", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    original = load_file(options.original / "model.safetensors")
    save_file(mixed(original, load_file(options.tuned), options.share), options.out, metadata={"format": "pt"})
