"""Clean what is in raw/ and write it to prepared/flats.csv: one table, without flats that cannot be true."""

from pathlib import Path

import pandas as pd

RAW, PREPARED = Path("raw"), Path("prepared/flats.csv")


def main() -> None:
    """Join the tables, and leave out what is there twice, lacks something or is out of all proportion."""
    tables = [pd.read_csv(path).assign(city=path.stem) for path in sorted(RAW.glob("*.csv"))]
    flats = pd.concat(tables, ignore_index=True)
    clean = flats.drop_duplicates().dropna()
    clean = clean[clean["rent"].between(5 * clean["area"], 50 * clean["area"])]
    clean.to_csv(PREPARED, index=False)
    print(f"kept {len(clean)} of {len(flats)} flats in {PREPARED}")


if __name__ == "__main__":
    main()
