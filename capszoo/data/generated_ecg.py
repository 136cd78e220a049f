"""Signals in the manner of an electrocardiogram, made by a formula: no recording of anybody."""

import functools

import numpy as np

LENGTH = 500  # samples, five seconds of a hundred each
RATE = 100
RHYTHMS = ("regular", "ectopic", "irregular")
COUNTS = {"train": 2400, "validation": 600, "test": 1200}

# Of each wave of a beat: its middle and its width in seconds from the beat on, and its height in
# either lead.
ATRIAL = ((-0.17, 0.025, 0.15, 0.10),)
NARROW = (
    (-0.03, 0.012, -0.12, -0.05),
    (0.0, 0.012, 1.0, 0.55),
    (0.03, 0.014, -0.25, -0.6),
    (0.26, 0.055, 0.3, 0.2),
)
WIDE = ((0.02, 0.045, 1.1, -0.9), (0.32, 0.07, -0.45, 0.4))


@functools.cache
def _made(split):
    random = np.random.default_rng([2017, list(COUNTS).index(split)])
    labels = random.permutation(np.arange(COUNTS[split]) % len(RHYTHMS))
    signals = np.stack([_signal(RHYTHMS[label], random) for label in labels])
    # Three decimals: the last digits of an exponential differ among machines.
    return np.round(signals, 3).astype("float32"), labels.astype("int64")


def generated_ecg(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Makes one split of five-second signals of two leads, in three rhythms.

    Each beat is a sum of Gaussian waves (P, Q, R, S, T), the rate is between 55 and 105 beats a
    minute, and each signal has its own heights of waves, gain, drift and noise. In the rhythm
    - `regular`, the pause from beat to beat varies by 3 %;
    - `ectopic`, it is so, but one beat or two come 30 to 45 % early, without a P wave, wide, and
      with a pause after them;
    - `irregular`, pauses vary from half to one and a half, there is no P wave, and a small
      wave of 5 to 9 Hz runs through, as in atrial fibrillation.

    The seed is fixed, each split has its own, and classes are equally many. A network that tells
    these apart has learnt a formula: it says nothing about anybody's heart.

    Args:
        split: `"train"` (2,400 signals), `"validation"` (600) or `"test"` (1,200).

    Returns:
        Signals, float32 of shape (n, 500, 2), and labels, int64 of shape (n,).
    """
    signals, labels = _made(split)
    return signals.copy(), labels.copy()


def _signal(rhythm, random):
    time = np.arange(LENGTH)[:, None] / RATE
    heights = random.lognormal(0.0, 0.25, size=len(ATRIAL + NARROW))
    waves = []
    for beat, early in _beats(rhythm, random):
        if early:
            waves += [(beat + middle, *rest) for middle, *rest in WIDE]
            continue
        for wave, height in zip(ATRIAL + NARROW, heights, strict=True):
            if rhythm == "irregular" and wave in ATRIAL:
                continue
            middle, width, *leads = wave
            waves.append((beat + middle, width, *(height * lead for lead in leads)))
    middles, widths, *leads = np.transpose(waves)
    signal = np.exp(-0.5 * ((time - middles) / widths) ** 2) @ np.transpose(leads)
    if rhythm == "irregular":
        phase = 2 * np.pi * (random.uniform(5, 9) * time + random.uniform())
        signal += random.uniform(0.03, 0.1) * np.sin(phase) * [1.0, 0.6]
    drift = np.sin(2 * np.pi * (random.uniform(0.15, 0.4) * time + random.uniform()))
    signal += random.uniform(0.0, 0.2) * drift * random.normal(size=2)
    signal += random.normal(0, random.uniform(0.03, 0.1), size=signal.shape)
    return signal * random.uniform(0.7, 1.4)


def _beats(rhythm, random):
    """The times of the beats, and whether each comes early from elsewhere."""
    pause = 60 / random.uniform(55, 105)
    time = -random.uniform(0, pause)
    beats = []
    while time < LENGTH / RATE + 0.5:
        beats.append([time, False])
        factor = random.uniform(0.5, 1.5) if rhythm == "irregular" else random.normal(1, 0.03)
        time += pause * factor
    if rhythm == "ectopic":
        whole = [index for index, (time, _) in enumerate(beats) if 0.5 < time < LENGTH / RATE - 0.5]
        for index in random.choice(whole, size=random.integers(1, 3), replace=False):
            beats[index] = [beats[index][0] - pause * random.uniform(0.3, 0.45), True]
    return beats
