"""Learn from reviews.csv, and write the model for the other services."""

import csv
from pathlib import Path

from sentiment import Model
from tqdm import tqdm

MODEL = "../../models/model.json"

with Path("reviews.csv").open(newline="") as file:
    rows = tqdm(csv.DictReader(file), unit=" reviews", disable=None)
    reviews = [(row["text"], int(row["stars"])) for row in rows]
model = Model.train(reviews)
model.save(MODEL)
print(f"wrote {MODEL}: {len(model.points)} words of {len(reviews)} reviews")
