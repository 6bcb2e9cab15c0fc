"""SCIENCE: plain functions that know nothing of experiments, stages or files."""

from src import comparison, data, figures, metrics, models

__all__ = ["comparison", "data", "figures", "metrics", "models"]
