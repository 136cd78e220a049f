"""Folds of a sentence set: capsules beside a convolutional network of the same size and the floor.

Each fold is trained by the recipe of the presets for TREC, in five epochs, of which one is chosen
on a tenth of its training texts, and measured once on its test texts. MR, SUBJ and CR have ten
folds, SST-2 and TREC one test set; the files lie in the folder `text` in CAPSZOO_DATA_DIR. The
floor is TF-IDF of words and pairs of words with logistic regression, on the same texts.

    python examples/sentence_folds.py subj 1      # one fold of ten; or mr, cr, sst2, trec

Minutes a fold on a CPU core. Measured on PyTorch, one run each, per cent of the test texts:

| | SUBJ, first fold | MR, first fold | SST-2 | CR, first fold |
|---|---|---|---|---|
| text_capsnet_trec | 90.3 | 76.4 | 80.2 | 72.3 |
| text_conv_net_trec | 92.2 | 75.4 | 80.6 | 80.1 |
| floor | 91.0 | 79.5 | 81.5 | 80.4 |

The folder `runs` keeps the runs: interrupted, or asked for more folds, it goes on where it was.
"""

import json
import pathlib
import sys

import numpy as np

import capszoo
from capszoo.data.sentence_sets import FOLDS

PRESETS = ("text_capsnet_trec", "text_conv_net_trec")
# How many words count, how many numbers there are for them, and how long it trains.
SETTINGS = {"model.text_shape": [40, 8000], "training.epochs": 5}


def trained(preset, name, options, folder):
    """Trains one fold, or takes what was measured before; returns the share of right answers."""
    output = pathlib.Path(folder, "_".join((preset, name, *options.values())))
    report = output / "report.json"
    if report.is_file():
        return json.loads(report.read_text(encoding="utf-8"))["test_accuracy"]
    settings = {**SETTINGS, **{f"data.{key}": value for key, value in options.items()}}
    resume = (output / "preset.yaml").is_file()
    return capszoo.training.train(
        preset, data=name, settings=settings, output=output, resume=resume, verbose=0
    )["test_accuracy"]


def floor(name, options):
    """The share that a linear model of words and pairs of words gets right."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    parts = [capszoo.data.load(name, split, **options) for split in ("train", "validation")]
    texts, labels = (np.concatenate(one) for one in zip(*parts, strict=True))
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\S+", sublinear_tf=True)
    model = make_pipeline(words, LogisticRegression(C=30, max_iter=1000)).fit(texts, labels)
    return model.score(*capszoo.data.load(name, "test", **options))


def main(name="subj", folds=10, folder="runs"):
    has_folds = capszoo.data.options(name) == ["fold"]
    chosen = [{"fold": fold} for fold in FOLDS[: int(folds)]] if has_folds else [{}]
    for preset in (*PRESETS, "floor"):
        found = [
            floor(name, options) if preset == "floor" else trained(preset, name, options, folder)
            for options in chosen
        ]
        each = ", ".join(f"{100 * one:.1f}" for one in found)
        error = f" ± {100 * np.std(found, ddof=1) / len(found) ** 0.5:.1f}" if found[1:] else ""
        print(f"{preset} on {name}: {100 * np.mean(found):.1f}{error} % ({each})", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
