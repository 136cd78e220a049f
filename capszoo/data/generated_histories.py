"""What users did, item by item, made by a rule with planted interests: nobody did it."""

import functools

import numpy as np

INTERESTS = 50
ITEMS_OF_INTEREST = 10
ITEMS = INTERESTS * ITEMS_OF_INTEREST
LENGTH = 20
COUNTS = {"train": 20000, "validation": 1000, "test": 2000}
# Of a history: how many interests, how many items of each, how many items of none.
INTERESTS_OF_USER = (2, 4)
SEEN_OF_INTEREST = (2, 4)
MOST_BY_CHANCE = 4
PADDING = -1


@functools.cache
def _made(split):
    random = np.random.default_rng([2019, list(COUNTS).index(split)])
    members = interest_members()
    histories = np.full((COUNTS[split], LENGTH), PADDING, "int32")
    following = np.empty(COUNTS[split], "int64")
    for row in range(COUNTS[split]):
        history, following[row] = _user(members, random)
        histories[row, : len(history)] = history
    return histories, following


@functools.cache
def interest_members() -> np.ndarray:
    """Returns which items each planted interest has, an array `(interests, items)` of numbers.

    Items of an interest are no neighbours: their numbers are shuffled.

    Example:

    >>> capszoo.data.generated_histories.interest_members().shape
    (50, 10)
    """
    members = np.random.default_rng(2019).permutation(ITEMS)
    return members.reshape(INTERESTS, ITEMS_OF_INTEREST)


def generated_histories(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Makes one split of histories of users, and the item that each takes next.

    There are 500 items, ten for each of 50 interests. A user has two to four interests, and has
    taken two to four items of each, and up to four items by chance; they stand in any order. What
    comes next is another item of one of the interests, any of them with the same probability. The
    seed is fixed, each split has its own, and no user stands in two of them. A network that does
    well here has found which items go together; it says nothing about people.

    Args:
        split: `"train"` (20,000 histories), `"validation"` (1,000) or `"test"` (2,000).

    Returns:
        Numbers of items, int32 of shape (n, 20), -1 behind the end; and the items that come next,
        int64 of shape (n,).
    """
    histories, following = _made(split)
    return histories.copy(), following.copy()


def _user(members, random):
    """The items of one history in order, and what comes next."""
    interests = random.choice(INTERESTS, random.integers(*_including(INTERESTS_OF_USER)), False)
    orders = {one: random.permutation(members[one]) for one in interests}
    seen = {one: random.integers(*_including(SEEN_OF_INTEREST)) for one in interests}
    taken = [item for one in interests for item in orders[one][: seen[one]]]
    taken += random.choice(ITEMS, random.integers(MOST_BY_CHANCE + 1), False).tolist()
    wanted = random.choice(interests)
    left = [item for item in orders[wanted] if item not in taken]
    return random.permutation(taken), random.choice(left)


def _including(bounds):
    lowest, highest = bounds
    return lowest, highest + 1
