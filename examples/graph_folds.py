"""Folds of a graph set: capsules beside a graph convolutional network of the same size.

Each fold is trained by the recipe of the presets for NCI1, its epoch chosen on a tenth of its
training graphs, and measured once on its test graphs. The sets are NCI1, PROTEINS and MUTAG of the
TU collection, from the folder `graphs` in CAPSZOO_DATA_DIR; a random forest on histograms of
labels reaches 74.3, 75.7 and 87.2 % of them in ten folds. Standard deviations are of the folds.

| | capsgnn_nci1 | graph_conv_net_nci1 |
|---|---|---|
| NCI1, ten folds | 77.79 ± 1.96 % | 77.93 ± 1.31 % |
| MUTAG, ten folds | 84.15 ± 7.67 % | 87.76 ± 6.41 % |
| PROTEINS, the first fold | 82.14 % | 76.79 % |

Ten folds of NCI1 took 65 minutes of one CPU core on JAX, of MUTAG 12 on PyTorch, the first fold of
PROTEINS 10.

    python examples/graph_folds.py nci1 10                # or proteins, mutag; how many folds

The folder `runs` keeps the runs. Interrupted, it goes on with the fold that it was at.
"""

import json
import pathlib
import sys

import numpy as np

import capszoo
from capszoo.data.sentence_sets import FOLDS

PRESETS = ("capsgnn_nci1", "graph_conv_net_nci1")


def measure(preset, name, fold, folder):
    """Trains one fold, or takes what was measured before; returns the share of right answers."""
    output = pathlib.Path(folder) / f"{preset}_{name}_{fold}"
    report = output / "report.json"
    if report.is_file():
        return json.loads(report.read_text(encoding="utf-8"))["test_accuracy"]
    return capszoo.training.train(
        preset,
        data=name,
        settings={"data.fold": fold},
        output=output,
        resume=(output / "preset.yaml").is_file(),
        verbose=0,
    )["test_accuracy"]


def main(name="nci1", folds=10, folder="runs"):
    accuracies = {preset: [] for preset in PRESETS}
    for fold in FOLDS[: int(folds)]:
        for preset, measured in accuracies.items():
            measured.append(measure(preset, name, fold, folder))
            mean, deviation = 100 * np.mean(measured), 100 * np.std(measured)
            print(
                f"{preset} on {name}: {mean:.2f} % of folds 0 to {fold}, deviation {deviation:.2f}"
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
