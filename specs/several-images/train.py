"""Learn what a flat's rent depends on, and write the model to the volume at /model."""

import argparse
import os
from pathlib import Path

import pandas as pd
import xgboost

FLATS, MODEL = Path("prepared/flats.csv"), Path("/model/rents.json")


def main() -> None:
    """Train on four flats of five, tell how far off the model is on the fifth, and save it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60, help="how many trees to grow (default: 60)")
    rounds = parser.parse_args().rounds

    flats = pd.read_csv(FLATS).sample(frac=1, random_state=0)
    features, rents = flats[["area", "rooms"]], flats["rent"]
    fifth = len(flats) // 5
    seen = xgboost.DMatrix(features[fifth:], rents[fifth:])
    unseen = xgboost.DMatrix(features[:fifth], rents[:fifth])
    # The spec sets DEVICE in the image for GPUs; the model that is saved is the same, and served without one.
    settings = {"device": os.environ.get("DEVICE", "cpu"), "max_depth": 3, "eta": 0.1, "seed": 0}
    model = xgboost.train(settings, seen, rounds)

    error = (model.predict(unseen) - rents[:fifth]).abs().mean()
    model.set_attr(rounds=rounds)
    model.save_model(MODEL)
    print(f"wrote {MODEL} after {rounds} rounds on {settings['device']}: off by {error:.0f} on average")


if __name__ == "__main__":
    main()
