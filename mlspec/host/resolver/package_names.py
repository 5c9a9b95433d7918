"""Corrections of package names: import names and typing errors."""

from __future__ import annotations

from collections.abc import Iterable

from mlspec.text import nearest

INSTALL_NAMES = {
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "pil": "pillow",
    "pytorch": "torch",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Names that users confuse with packages, mostly import names, with the package to install."""


# Names that are often mistyped, for "did you mean". The list is fixed, because no index offers such a list.
_POPULAR = (
    "accelerate", "albumentations", "catboost", "datasets", "diffusers", "fastapi", "gradio", "huggingface-hub",
    "hydra-core", "jax", "jupyterlab", "keras", "lightgbm", "lightning", "matplotlib", "mlflow", "numpy",
    "onnxruntime", "opencv-python-headless", "optuna", "pandas", "pillow", "polars", "pyarrow", "pydantic",
    "pytest", "pytorch-lightning", "ray", "requests", "scikit-image", "scikit-learn", "scipy", "seaborn",
    "sentencepiece", "spacy", "streamlit", "tensorboard", "tensorflow", "timm", "tokenizers", "torch", "torchaudio",
    "torchvision", "tqdm", "transformers", "uvicorn", "wandb", "xgboost",
)  # fmt: skip


def close_name(name: str, known: Iterable[str]) -> str:
    """Return the nearest name to a mistyped name, from ``known`` and popular packages; empty if no name is near."""
    others = [other for other in (*known, *_POPULAR) if other != name]
    return next(iter(nearest(name, others, cutoff=0.75)), "")
