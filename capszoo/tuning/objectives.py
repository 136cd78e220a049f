"""What a search looks for: a measure of the task, few parameters, fast steps, or several."""

import math
import time

import keras

from capszoo.validation import unknown_name_error

_COSTS = {"parameters": ("parameters", "min"), "step_time": ("seconds_per_step", "min")}
# Where several objectives are added up, each must be on the scale of an accuracy: ten times as
# many parameters, or seconds, cost as much as one percentage point.
_ADDED_UP = {"parameters": ("parameters_cost", "min"), "step_time": ("step_time_cost", "min")}


def metrics_of(names, measures):
    """Names the metrics, with their direction, that objectives stand for.

    Args:
        names: One name or several: a measure of the task, on validation examples
            (`"accuracy"`), `"parameters"`, `"step_time"`. `None` stands for the task's first.
        measures: The measures of the task, `capszoo.models.measure.Measure`s.

    Returns:
        List of pairs of a metric and `"max"` or `"min"`. Of several objectives KerasTuner
        minimizes the sum, where a factor of ten in parameters or seconds counts as one
        percentage point of accuracy.

    Raises:
        ValueError: If a name is unknown or stands twice, or there is none.

    Example:

    >>> measures = capszoo.models.CapsNet.measures
    >>> capszoo.tuning.objectives.metrics_of(["accuracy"], measures)
    [('val_accuracy', 'max')]
    """
    names = names_of(names, measures)
    of_task = {one.name: (f"val_{one.name}", one.direction) for one in measures}
    for name in names:
        if name not in {**of_task, **_COSTS}:
            raise unknown_name_error("objective", name, {**of_task, **_COSTS})
    if not names or len(set(names)) < len(names):
        raise ValueError(f"Expected one objective or several different ones. Received: {names}")
    table = {**of_task, **(_COSTS if len(names) == 1 else _ADDED_UP)}
    return [table[name] for name in names]


def names_of(names, measures) -> list[str]:
    """Lists the names of objectives given as one name, several or `None`."""
    if names is None:
        return [measures[0].name]
    return [names] if isinstance(names, str) else list(names)


class MeasureTrial(keras.callbacks.Callback):
    """Adds to the logs of each epoch what a trial costs: parameters and seconds per step.

    The time of a step is the mean over the epoch without its first step, which compiles, and
    the lowest of the epochs so far. It must stand before callbacks that read the logs.
    """

    def __init__(self):
        super().__init__()
        self.seconds_per_step = math.inf

    def on_epoch_begin(self, epoch, logs=None):
        self.times = [time.perf_counter()]

    def on_train_batch_end(self, batch, logs=None):
        self.times.append(time.perf_counter())

    def on_epoch_end(self, epoch, logs=None):
        times = self.times if len(self.times) < 3 else self.times[1:]
        seconds = (times[-1] - times[0]) / max(len(times) - 1, 1)
        self.seconds_per_step = min(self.seconds_per_step, seconds)
        parameters = self.model.count_params()
        logs["parameters"] = parameters
        logs["seconds_per_step"] = self.seconds_per_step
        logs["parameters_cost"] = math.log10(max(parameters, 1)) / 100
        logs["step_time_cost"] = math.log10(max(self.seconds_per_step, 1e-9)) / 100
