"""The tree of messages, grown in every way."""

from hypothesis import given
from hypothesis import strategies as st

from officium.core.conversations.tree import Tree

# Each number says behind which of the messages so far the next one stands; 0 begins a new root.
GROWTHS = st.lists(st.integers(min_value=0), min_size=1, max_size=40)


def grown(choices: list[int]) -> list[tuple[int, int | None]]:
    return [(id, (choice % id) or None) for id, choice in enumerate(choices, 1)]


@given(GROWTHS)
def test_path_leads_from_a_root_to_the_message(choices: list[int]) -> None:
    links = grown(choices)
    parents, tree = dict(links), Tree(links)

    for id in parents:
        path = tree.path_to(id)
        assert path[-1] == id
        assert [parents[step] for step in path] == [None, *path[:-1]]


@given(GROWTHS)
def test_every_message_is_among_its_siblings_and_they_share_a_parent(choices: list[int]) -> None:
    links = grown(choices)
    parents, tree = dict(links), Tree(links)

    for id in parents:
        siblings = tree.siblings_of(id)
        assert id in siblings
        assert list(siblings) == sorted(one for one in parents if parents[one] == parents[id])


@given(GROWTHS)
def test_newest_leaf_ends_a_branch_through_the_message(choices: list[int]) -> None:
    links = grown(choices)
    parents, tree = dict(links), Tree(links)

    for id in parents:
        leaf = tree.newest_leaf(id)
        assert leaf not in parents.values()
        assert id in tree.path_to(leaf)


@given(GROWTHS)
def test_order_of_the_links_makes_no_difference(choices: list[int]) -> None:
    links = grown(choices)

    one, other = Tree(links), Tree(links[::-1])

    assert [one.newest_leaf(id) for id, _ in links] == [other.newest_leaf(id) for id, _ in links]


def test_nothing_leads_to_nothing() -> None:
    assert Tree([]).path_to(None) == []
    assert 1 not in Tree([])
