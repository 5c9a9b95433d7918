"""Learn what a flat's rent depends on, and write it to models/model.npz."""

import argparse
from pathlib import Path

import numpy as np

MODEL = Path("models/model.npz")


def flats() -> tuple[np.ndarray, np.ndarray]:
    """Return made-up flats, as area and number of rooms, and their rents."""
    random = np.random.default_rng(seed=0)
    area = random.uniform(20, 120, size=500)
    rooms = np.maximum(1, np.round(area / 25 + random.normal(0, 0.5, size=500)))
    rents = 180 + 11.5 * area + 40 * rooms + random.normal(0, 25, size=500)
    return np.column_stack([area, rooms]), rents


def main() -> None:
    """Go through the flats again and again, each time a step nearer to the rents they really have."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=100, help="how often to go through the data (default: 100)")
    epochs = parser.parse_args().epochs

    features, rents = flats()
    mean, scale = features.mean(axis=0), features.std(axis=0)
    inputs = np.column_stack([np.ones(len(rents)), (features - mean) / scale])
    weights = np.zeros(inputs.shape[1])
    for epoch in range(1, epochs + 1):
        errors = inputs @ weights - rents
        weights -= 0.1 * inputs.T @ errors / len(rents)
        if epoch % 10 == 0 or epoch == epochs:
            print(f"epoch {epoch}: off by {np.abs(errors).mean():.1f} on average")

    MODEL.parent.mkdir(exist_ok=True)
    np.savez(MODEL, mean=mean, scale=scale, weights=weights, epochs=epochs)
    print(f"wrote {MODEL}")


if __name__ == "__main__":
    main()
