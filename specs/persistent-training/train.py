"""Learn the prices of flats from data/*.csv. Stopped at any time, the next run goes on from the last checkpoint."""

import argparse
import os
import signal
import threading
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.linear_model import SGDRegressor

DATA, MODELS = Path("data"), Path("models")
CHECKPOINT = MODELS / "checkpoint.joblib"

# In the volume at /cache: what is computed for a file once is there for the next run, in another container.
memory = joblib.Memory(os.environ["XDG_CACHE_HOME"], verbose=0)
stop = threading.Event()


@memory.cache
def load(path: Path, modified: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the features and prices of a file, which another date makes another; in real life, the slow part."""
    flats = pd.read_csv(path)
    return flats[["area", "rooms", "floor"]].to_numpy() / [100, 4, 10], flats["price"].to_numpy() / 1000


def save(state: dict[str, object]) -> None:
    """Write the checkpoint, whole or not at all: whoever pulls the plug meanwhile keeps the one before."""
    part = CHECKPOINT.with_suffix(".part")
    joblib.dump(state, part)
    part.replace(CHECKPOINT)


def main() -> None:
    """Train up to some epoch, from the first or from where the last run came to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20, help="the epoch to train up to (default: 20)")
    parser.add_argument("--workers", type=int, default=2, help="how many files to load at a time (default: 2)")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    paths = [(path, path.stat().st_mtime) for path in sorted(DATA.glob("*.csv"))]
    known = sum(load.check_call_in_cache(*path) for path in paths)
    print(f"{len(paths)} files, {known} of them in the cache")
    files = joblib.Parallel(n_jobs=arguments.workers)(joblib.delayed(load)(*path) for path in paths)
    state = {"epoch": 0, "model": SGDRegressor(random_state=0)}
    if CHECKPOINT.exists():
        state = joblib.load(CHECKPOINT)
        print(f"going on after epoch {state['epoch']}")
    while state["epoch"] < arguments.epochs and not stop.is_set():
        for features, prices in files:
            state["model"].partial_fit(features, prices)
        state["epoch"] += 1
        save(state)
        errors = [np.abs(state["model"].predict(features) - prices).mean() for features, prices in files]
        print(f"epoch {state['epoch']}: off by {np.mean(errors):.1f} thousand")
    print("stopped; the next run goes on here" if stop.is_set() else f"trained: {CHECKPOINT}")


if __name__ == "__main__":
    main()
