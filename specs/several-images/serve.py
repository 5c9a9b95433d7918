"""Answer with the likely rent of a flat, by the model that train.py wrote to the volume."""

import numpy as np
import xgboost
from fastapi import FastAPI
from pydantic import BaseModel, Field

# Read once, at the start: without a model there is no server, and `docker ps` never shows it as healthy.
MODEL = xgboost.Booster(model_file="/model/rents.json")

app = FastAPI(title="rents")


class Flat(BaseModel):
    """What the rent depends on; a request that says something else is refused with an explanation."""

    area: float = Field(gt=0, description="square metres")
    rooms: int = Field(ge=1)


@app.get("/healthz")
def healthz() -> dict[str, int]:
    """Say that the model is loaded, and how long it was trained."""
    return {"rounds": int(MODEL.attr("rounds"))}


@app.post("/predict")
def predict(flat: Flat) -> dict[str, float]:
    """Return the rent for a flat."""
    (rent,) = MODEL.inplace_predict(np.array([[flat.area, flat.rooms]]))
    return {"rent": round(float(rent), 2)}
