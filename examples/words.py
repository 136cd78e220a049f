"""Text: which words voted for the class of a question.

The network has learnt from the questions of TREC whether a person, a place, a number, an
abbreviation, a description or something else is asked for.

    python examples/words.py                    # about ten seconds on a CPU core

What each convolutional capsule gave the predicted class, its coupling times its length, is divided
among the five words that it sees, so that neighbours share in what one of them did. The three words
with the largest shares, on PyTorch:

    Who wrote Hamlet? human: hamlet 0.35, ? 0.28, wrote 0.26
    What river flows through Vienna? location: flows 0.23, through 0.23, vienna 0.18
    How many legs has a spider? number: legs 0.24, has 0.19, many 0.18
    What does NATO stand for? abbreviation: stand 0.24, nato 0.23, for 0.20
"""

import capszoo

PRESET = "text_capsnet_trec"
QUESTIONS = [
    "Who wrote Hamlet?",
    "What river flows through Vienna?",
    "How many legs has a spider?",
    "What does NATO stand for?",
]


def main(preset=PRESET, questions=QUESTIONS, top=3):
    model = capszoo.load(preset)
    names = capszoo.zoo.class_names(capszoo.zoo.read_preset(preset))
    best = model.predict(questions, verbose=0).argmax(axis=-1)
    for question, own, words in zip(questions, best, model.words(questions), strict=True):
        shares = sorted(words, key=lambda one: -one[1])[:top]
        said = ", ".join(f"{word} {share:.2f}" for word, share in shares)
        print(f"{question} {names[own]}: {said}")


if __name__ == "__main__":
    main()
