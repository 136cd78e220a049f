"""Questions of three kinds, made by a grammar: nobody asked them."""

import functools

import numpy as np

QUESTION_KINDS = ("person", "place", "number")
COUNTS = {"train": 1200, "validation": 300, "test": 600}

# What stands in braces is drawn from the list of that name. Words of a question stand in others
# too: "what is the name of the" begins two kinds, "where" and "who" stand in all three.
PATTERNS = {
    "person": (
        "who {did} the {adjective} {thing} ?",
        "who was the {role} that {did} the {thing} where people {gather} ?",
        "what is the name of the {role} who {did} the {adjective} {thing} ?",
        "tell me which {role} {did} the {thing} in {town} .",
        "by whom was the {adjective} {thing} of {town} {done} ?",
    ),
    "place": (
        "where is the {adjective} {thing} that the {role} {did} ?",
        "what is the name of the {site} where the {role} {did} a {thing} ?",
        "in which {site} do people who {gather} see the {thing} ?",
        "tell me which {site} has the {adjective} {thing} .",
        "what {site} did the {role} live in when the {thing} was {done} ?",
    ),
    "number": (
        "how many {things} has the {role} who {did} them ?",
        "what is the number of {adjective} {things} in {town} ?",
        "how {measure} is the {thing} where people {gather} ?",
        "tell me how many of the {things} were {done} in {town} .",
        "in what year was the {adjective} {thing} {done} ?",
    ),
}
WORDS = {
    "did": ("built", "painted", "designed", "found", "sold", "lost", "restored", "visited"),
    "done": ("built", "painted", "designed", "found", "sold", "lost", "restored"),
    "adjective": ("old", "red", "famous", "hidden", "broken", "golden", "largest", "small"),
    "thing": ("bridge", "tower", "clock", "garden", "ship", "theatre", "library", "statue"),
    "things": ("bridges", "towers", "clocks", "gardens", "ships", "theatres", "statues"),
    "role": ("painter", "captain", "doctor", "queen", "engineer", "teacher", "gardener"),
    "site": ("town", "country", "street", "valley", "island", "harbour"),
    "town": ("avelle", "brimley", "corvas", "dunmere", "estova", "farrow"),
    "gather": ("meet", "dance", "work", "wait", "sing"),
    "measure": ("tall", "long", "old", "heavy", "wide"),
}


@functools.cache
def _made(split):
    random = np.random.default_rng([2018, list(COUNTS).index(split)])
    labels = random.permutation(np.arange(COUNTS[split]) % len(QUESTION_KINDS))
    texts = np.empty(len(labels), dtype=object)
    texts[:] = [_question(QUESTION_KINDS[label], random) for label in labels]
    return texts, labels.astype("int64")


def generated_questions(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Makes one split of English questions that ask for a person, a place or a number.

    Each is one of five patterns of its kind, with words drawn for its gaps. No single word tells
    the kinds apart: `who` and `where` stand in questions of all three. The seed is fixed, each
    split has its own, and kinds are equally many. A network that tells these apart has learnt a
    grammar of fifteen lines, no English.

    Args:
        split: `"train"` (1,200 questions), `"validation"` (300) or `"test"` (600).

    Returns:
        Strings, an object array of shape (n,), and labels, int64 of shape (n,).
    """
    texts, labels = _made(split)
    return texts.copy(), labels.copy()


def _question(kind, random):
    pattern = PATTERNS[kind][random.integers(len(PATTERNS[kind]))]
    words = [
        WORDS[word[1:-1]][random.integers(len(WORDS[word[1:-1]]))] if word[0] == "{" else word
        for word in pattern.split()
    ]
    return " ".join(words)
