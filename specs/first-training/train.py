"""Learn to tell three kinds of iris apart by the sizes of their leaves, and say how well that went."""

import argparse
import json
from pathlib import Path

import joblib
import pandas as pd
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

DATA = Path("data")
FLOWERS = DATA / "flowers.csv"


def flowers() -> pd.DataFrame:
    """Return the flowers in data/flowers.csv; a first run finds none there, and writes the classic 150."""
    if not FLOWERS.exists():
        DATA.mkdir(exist_ok=True)
        load_iris(as_frame=True).frame.to_csv(FLOWERS, index=False)
        print(f"made {FLOWERS}")
    return pd.read_csv(FLOWERS)


def main() -> None:
    """Train for some rounds, then write the model and its score to data/."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20, help="how often to go through the data (default: 20)")
    epochs = parser.parse_args().epochs

    table = flowers()
    sizes, kinds = table.drop(columns="target"), table["target"]
    # A quarter is kept aside: only flowers that the model has not seen tell what it has learned.
    train_x, test_x, train_y, test_y = train_test_split(sizes, kinds, random_state=0, stratify=kinds)
    scaler = StandardScaler().fit(train_x)
    model = SGDClassifier(random_state=0)
    for epoch in range(1, epochs + 1):
        model.partial_fit(scaler.transform(train_x), train_y, classes=sorted(kinds.unique()))
        accuracy = model.score(scaler.transform(test_x), test_y)
        print(f"epoch {epoch}: accuracy {accuracy:.3f}")

    joblib.dump({"scaler": scaler, "model": model}, DATA / "model.joblib")
    metrics = {"epochs": epochs, "accuracy": round(accuracy, 3)}
    (DATA / "metrics.json").write_text(json.dumps(metrics) + "\n")
    print(f"wrote {DATA}/model.joblib and {DATA}/metrics.json: {metrics}")


if __name__ == "__main__":
    main()
