"""Answer with the likely rent of a flat."""

import json
from pathlib import Path

from fastapi import FastAPI
from pydantic import BaseModel, Field

# The model stands beside the code, so it is part of the image: one version of the image, one version of the model.
MODEL = json.loads(Path(__file__).with_name("model.json").read_text())

app = FastAPI(title="flat-rent")


class Flat(BaseModel):
    """What the rent depends on; a request that says something else is refused with an explanation."""

    area: float = Field(gt=0, description="square metres")
    rooms: int = Field(ge=1)


@app.get("/healthz")
def healthz() -> dict[str, str]:
    """Say that the model is loaded: before that, nothing answers here."""
    return {"status": "ok"}


@app.post("/predict")
def predict(flat: Flat) -> dict[str, float]:
    """Return the rent for a flat."""
    rent = MODEL["base"] + MODEL["per_square_metre"] * flat.area + MODEL["per_room"] * flat.rooms
    return {"rent": round(rent, 2)}
