"""Tell how glad each review sounds. Stopped at any time, the next run goes on with the first that is not done."""

import hashlib
import hmac
import json
import os
import signal
import sys
import threading
import urllib.request
from pathlib import Path

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

INPUT, RESULTS = Path("input"), Path("output/results.jsonl")
KEY = Path("/run/secrets/CUSTOMER_KEY").read_bytes().strip()
PAUSE = float(os.environ.get("PAUSE_SECONDS") or 0)

analyzer = SentimentIntensityAnalyzer()
stop = threading.Event()


def judged(review: dict[str, str]) -> dict[str, object]:
    """Return the result for a review, with a pseudonym that only the holders of the key can link to the customer."""
    customer = hmac.digest(KEY, review["customer"].encode(), hashlib.sha256).hex()[:12]
    return {"id": review["id"], "customer": customer, "gladness": analyzer.polarity_scores(review["text"])["compound"]}


def report(summary: dict[str, int]) -> None:
    """Send what was done to REPORT_URL, if job.env names one, with the token that lets us in there."""
    print(summary)
    if url := os.environ.get("REPORT_URL"):
        headers = {"Authorization": f"Bearer {os.environ['REPORT_TOKEN']}", "Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(summary).encode(), headers), timeout=10)  # noqa: S310


def main() -> None:
    """Go through the reviews that have no result yet; a signal to stop is obeyed between two of them."""
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    reviews = [json.loads(line) for path in sorted(INPUT.glob("*.jsonl")) for line in path.open()]
    done = {json.loads(line)["id"] for line in RESULTS.open()} if RESULTS.exists() else set()
    left = [review for review in reviews if review["id"] not in done]
    with RESULTS.open("a") as results:
        while left and not stop.is_set():
            result = judged(left.pop(0))
            # A line at a time, and at once: what is done stays done, whatever comes.
            print(json.dumps(result), file=results, flush=True)
            print(f"{result['id']}: {result['gladness']}")
            stop.wait(PAUSE)
    report({"done": len(reviews) - len(left), "left": len(left)})
    if left:
        # 128 and the number of SIGTERM: a scheduler knows that this was stopped, and is not finished.
        sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    main()
