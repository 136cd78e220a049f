"""Running a preset's recipe: fit, resume, evaluate, record."""

from capszoo.training.batches import TrainingBatches
from capszoo.training.evaluation import evaluate
from capszoo.training.table_again import evaluate_all
from capszoo.training.trainer import train
