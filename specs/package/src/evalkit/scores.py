"""The scores of a classifier, from pairs of a label and a prediction."""

from collections import Counter


def score(pairs: list[tuple[str, str]]) -> tuple[float, dict[str, float]]:
    """Return the accuracy, and for each label its recall."""
    totals = Counter(label for label, _ in pairs)
    hits = Counter(label for label, predicted in pairs if label == predicted)
    recalls = {label: hits[label] / totals[label] for label in sorted(totals)}
    return sum(hits.values()) / len(pairs), recalls
