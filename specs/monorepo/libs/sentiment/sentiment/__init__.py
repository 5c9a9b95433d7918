"""The model that all services share: points for each word, learned from rated reviews."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path


def words(text: str) -> list[str]:
    """Return the words of a text, in lower case."""
    return re.findall(r"[a-z']+", text.lower())


class Model:
    """Points for words: above zero for praise, below zero for blame."""

    def __init__(self, points: dict[str, float]) -> None:
        self.points = points

    @classmethod
    def train(cls, reviews: Iterable[tuple[str, int]]) -> "Model":
        """Learn from texts and their stars, 1 to 5: a word has the average of its stars, less three."""
        stars = defaultdict(list)
        for text, given in reviews:
            for word in words(text):
                stars[word].append(given)
        return cls({word: round(sum(given) / len(given) - 3, 2) for word, given in sorted(stars.items())})

    @classmethod
    def load(cls, path: str) -> "Model":
        """Return the model in a file."""
        return cls(json.loads(Path(path).read_text()))

    def save(self, path: str) -> None:
        """Write the model to a file."""
        Path(path).write_text(json.dumps(self.points))

    def score(self, text: str) -> float:
        """Return the sum of the points of all words in a text."""
        return round(sum(self.points.get(word, 0) for word in words(text)), 2)
