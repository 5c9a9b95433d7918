"""A server that says how friendly a text is."""

from sentiment import Model
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

model = Model.load("../../models/model.json")


def score(request: Request) -> JSONResponse:
    """Return the score of a text."""
    return JSONResponse({"score": model.score(request.query_params.get("text", ""))})


def healthz(_: Request) -> JSONResponse:
    """Say that the model is loaded, and how much it knows."""
    return JSONResponse({"words": len(model.points)})


app = Starlette(routes=[Route("/score", score), Route("/healthz", healthz)])
