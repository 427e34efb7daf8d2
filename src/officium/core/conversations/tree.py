"""The tree that the messages of a conversation are: an edited question begins a branch of its own."""

from collections import defaultdict
from collections.abc import Iterable


class Tree:
    """Which message follows which. Made of pairs of a message's id and that of its parent (`None`: a root).

    A child's id is always greater than its parent's.
    """

    def __init__(self, links: Iterable[tuple[int, int | None]]) -> None:
        self._parents = dict(links)
        self._children: dict[int | None, list[int]] = defaultdict(list)
        for id in sorted(self._parents):
            self._children[self._parents[id]].append(id)

    def __contains__(self, id: int) -> bool:
        return id in self._parents

    def path_to(self, leaf_id: int | None) -> list[int]:
        """The branch that ends with `leaf_id`, from its root on; nothing for `None`."""
        path: list[int] = []
        while leaf_id is not None:
            path.append(leaf_id)
            leaf_id = self._parents[leaf_id]
        return path[::-1]

    def siblings_of(self, id: int) -> tuple[int, ...]:
        """The messages that follow the same one as `id`, itself included, oldest first."""
        return tuple(self._children[self._parents[id]])

    def newest_leaf(self, id: int) -> int:
        """The end of the branch through `id` that was begun last at every fork behind it."""
        while id in self._children:
            id = self._children[id][-1]
        return id
