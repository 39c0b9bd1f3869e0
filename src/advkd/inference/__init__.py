"""Uses what was trained: loads a run or an exported folder, predicts, generates, tests and exports."""

from advkd.inference.classifier import Classifier, Predictions
from advkd.inference.generators import Generators
from advkd.inference.loading import load
from advkd.inference.transform import Transform

__all__ = ["Classifier", "Generators", "Predictions", "Transform", "load"]
