"""Pre-training without labels: 3D-UCaps starts from a network that restored damaged volumes.

    python examples/pretraining.py              # generated volumes
    python examples/pretraining.py hippocampus  # needs hippocampus in CAPSZOO_DATA_DIR

The same network, recipe and number of steps twice, for each share of the labels: once with random
weights, once with those of the pretext preset, all but the logits. Both see the same cases; the
epoch is chosen on the validation cases, whose labels count in neither share. A run is kept in the
folder `runs` and not repeated; an interrupted one goes on.

Dice of the 52 test cases of the hippocampus, with the standard error over three seeds: the pretext
shows no gain. On PyTorch; the 18 runs took 78 minutes of part of a CPU core.

| labels of hippocampus | steps | pretrained | from scratch |
|---|---|---|---|
| 10% | 200 | 0.712 ± 0.039 | 0.703 ± 0.025 |
| 25% | 120 | 0.589 ± 0.024 | 0.568 ± 0.037 |
| 100% | 188 | 0.700 ± 0.041 | 0.692 ± 0.024 |

No figures yet of the generated volumes.
"""

import json
import pathlib
import sys

import numpy as np

import capszoo

# Segmenter, pretext, learning rate, and how many epochs for each share of the labels: 120 to 200
# steps.
EXPERIMENTS = {
    "generated_volumes": (
        "ucaps3d_generated_volumes",
        "ucaps3d_autoencoder_generated_volumes",
        0.005,
        {0.1: 30, 0.25: 12, 1.0: 3},
    ),
    "hippocampus": (
        "ucaps3d_hippocampus",
        "ucaps3d_hippocampus_pretext",
        0.003,
        {0.1: 20, 0.25: 5, 1.0: 2},
    ),
}
SEEDS = (0, 1, 2)


def measure(name, share, pretrained, seed, folder="runs"):
    """Test Dice of one run; one that is done is not repeated, one that was interrupted goes on."""
    preset, pretext, rate, epochs = EXPERIMENTS[name]
    start = "pretrained" if pretrained else "scratch"
    output = pathlib.Path(folder) / f"{preset}_{share:g}_{start}_{seed}"
    if (output / "report.json").is_file():
        return json.loads((output / "report.json").read_text(encoding="utf-8"))["test_dice"]
    decay = {"CosineDecay": {"initial_learning_rate": rate}}
    report = capszoo.training.train(
        preset,
        epochs=epochs[share],
        seed=seed,
        settings={"data.share": share, "training.optimizer": {"Adam": {"learning_rate": decay}}},
        init_from=pretext if pretrained else None,
        output=output,
        resume=(output / "preset.yaml").is_file(),
        verbose=0,
    )
    return report["test_dice"]


def in_words(scores):
    """Mean of the seeds, with its standard error where there are several."""
    error = f" ± {np.std(scores, ddof=1) / len(scores) ** 0.5:.3f}" if len(scores) > 1 else ""
    return f"{np.mean(scores):.3f}{error}"


def main(name="generated_volumes", folder="runs", seeds=SEEDS):
    print(f"| labels of {name} | pretrained | from scratch |\n|---|---|---|")
    for share in EXPERIMENTS[name][-1]:
        pretrained, scratch = (
            in_words([measure(name, share, start, seed, folder) for seed in seeds])
            for start in (True, False)
        )
        print(f"| {share:.0%} | {pretrained} | {scratch} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
