"""Training: one loop, losses, schedules, and runs on disk."""

from engine.training.config import TrainingConfig
from engine.training.train import continue_run, train_run

__all__ = ["TrainingConfig", "continue_run", "train_run"]
