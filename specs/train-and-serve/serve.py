"""Answer with the likely rent of a flat, by the model that train.py wrote."""

import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel, Field

# Read once, at the start: without a model there is no server, and `docker ps` never shows it as healthy.
MODEL = np.load("models/model.npz")

app = FastAPI(title="rent")


class Flat(BaseModel):
    """What the rent depends on; a request that says something else is refused with an explanation."""

    area: float = Field(gt=0, description="square metres")
    rooms: int = Field(ge=1)


@app.get("/healthz")
def healthz() -> dict[str, int]:
    """Say that the model is loaded, and how long it was trained."""
    return {"epochs": int(MODEL["epochs"])}


@app.post("/predict")
def predict(flat: Flat) -> dict[str, float]:
    """Return the rent for a flat."""
    inputs = (np.array([flat.area, flat.rooms]) - MODEL["mean"]) / MODEL["scale"]
    rent = MODEL["weights"] @ [1.0, *inputs]
    return {"rent": round(float(rent), 2)}
