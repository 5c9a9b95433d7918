"""Tune a small model of the hub to tell praise from complaint, by the sentences in data/sentences.csv."""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
from huggingface_hub import hf_hub_download, try_to_load_from_cache
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

# A vector for each of 30,000 pieces of words: 8 MB, and good at sentences that are as short as ours.
MODEL = os.environ.get("MODEL") or "minishlab/potion-base-2M"
TUNED = Path("models/tuned.safetensors")


def pretrained() -> tuple[Tokenizer, np.ndarray]:
    """Return the model's tokenizer and vectors: from the cache, or else from the hub, by way of the cache."""
    is_cached = isinstance(try_to_load_from_cache(MODEL, "model.safetensors"), str)
    tokenizer, weights = (hf_hub_download(MODEL, name) for name in ("tokenizer.json", "model.safetensors"))
    print(f"{MODEL}: {'from the cache' if is_cached else 'downloaded'}")
    return Tokenizer.from_file(tokenizer), load_file(weights)["embeddings"].astype(np.float32)


def main() -> None:
    """Move the vectors, and a classifier on their mean, towards what the sentences say; keep a quarter to test."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=30, help="how often to go through the sentences (default: 30)")
    epochs = parser.parse_args().epochs

    tokenizer, vectors = pretrained()
    table = pd.read_csv("data/sentences.csv").sample(frac=1, random_state=0)
    pieces = [tokenizer.encode(text, add_special_tokens=False).ids for text in table["text"]]
    examples = list(zip(pieces, table["is_praise"], strict=True))
    test, train = examples[: len(examples) // 4], examples[len(examples) // 4 :]
    weights, bias, rate = np.zeros(vectors.shape[1], np.float32), np.float32(0), np.float32(0.5)
    for epoch in range(1, epochs + 1):
        for ids, is_praise in train:
            mean = vectors[ids].mean(axis=0)
            error = 1 / (1 + np.exp(-mean @ weights - bias)) - is_praise
            vectors[ids] -= rate * error * weights / len(ids)
            weights -= rate * error * mean
            bias -= rate * error
        right = [(vectors[ids].mean(axis=0) @ weights + bias > 0) == is_praise for ids, is_praise in test]
        if epoch % 10 == 0 or epoch == epochs:
            print(f"epoch {epoch}: {np.mean(right):.0%} of the sentences kept aside are right")
    save_file({"embeddings": vectors, "weights": weights, "bias": np.array([bias])}, TUNED)
    print(f"wrote {TUNED}")


if __name__ == "__main__":
    main()
