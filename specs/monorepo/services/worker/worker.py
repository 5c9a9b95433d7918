"""Score each file in inbox/, and write the results to results/scores.json."""

import json
from pathlib import Path

from sentiment import Model
from tqdm import tqdm

model = Model.load("../../models/model.json")
texts = sorted(Path("inbox").glob("*.txt"))
scores = {path.name: model.score(path.read_text()) for path in tqdm(texts, unit=" texts", disable=None)}
Path("results/scores.json").write_text(json.dumps(scores, indent=2) + "\n")
print(f"wrote results/scores.json: {len(scores)} texts")
