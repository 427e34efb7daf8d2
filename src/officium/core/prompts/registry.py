"""The prompts that come with Officium, and those that a program brings along. Needs no server."""

from collections.abc import Iterable, Mapping
from importlib.resources.abc import Traversable
from typing import Any

from officium.core.prompts.errors import InvalidPrompt, PromptNotFound
from officium.core.prompts.file import read_folder
from officium.core.prompts.prompt import Prompt, PromptVersion, Rendered, shipped_version
from officium.core.prompts.render import check, render


class PromptRegistry:
    """Prompts by name, each in versions that count from 1."""

    def __init__(self, versions: Iterable[PromptVersion] = ()) -> None:
        self._versions: dict[str, dict[int, PromptVersion]] = {}
        for version in versions:
            self._add(version)

    @classmethod
    def read(cls, *folders: Traversable) -> "PromptRegistry":
        """The prompts in the files of folders. Raises PromptFileInvalid, and InvalidPrompt for doubles."""
        return cls(version for folder in folders for version in read_folder(folder))

    def copy(self) -> "PromptRegistry":
        """A registry of its own with the same prompts."""
        return PromptRegistry(
            version for numbered in self._versions.values() for version in numbered.values()
        )

    def register(self, prompt: Prompt) -> PromptVersion:
        """Add a prompt, as the next version of its name. Raises InvalidPrompt."""
        check(prompt)
        version = shipped_version(prompt, max(self._versions.get(prompt.name, {}), default=0) + 1)
        self._add(version)
        return version

    def names(self) -> list[str]:
        """The names of all prompts, sorted."""
        return sorted(self._versions)

    def versions(self, name: str) -> list[PromptVersion]:
        """The versions of a prompt, newest first; none if there is no such prompt."""
        return [version for _, version in sorted(self._versions.get(name, {}).items(), reverse=True)]

    def find(self, name: str, version: int | None = None) -> PromptVersion | None:
        """A version of a prompt, by default the newest."""
        versions = self._versions.get(name, {})
        return versions.get(max(versions, default=0) if version is None else version)

    def get(self, name: str, version: int | None = None) -> PromptVersion:
        """A version of a prompt, by default the newest. Raises PromptNotFound."""
        found = self.find(name, version)
        if found is None:
            which = "" if version is None else f"version {version} of "
            raise PromptNotFound(f"There is no {which}prompt {name!r}.", prompt=name)
        return found

    def render(self, name: str, variables: Mapping[str, Any], version: int | None = None) -> Rendered:
        """The texts with what is known of them, such as the tier. Raises as `render_prompt`."""
        return render(self.get(name, version), variables)

    def render_prompt(
        self, name: str, variables: Mapping[str, Any], version: int | None = None
    ) -> tuple[str, str]:
        """The system text and the user text.

        Raises PromptNotFound, PromptVariablesMissing with every missing variable, PromptVariablesInvalid,
        PromptRenderFailed and PromptTooCostly.
        """
        rendered = self.render(name, variables, version)
        return rendered.system, rendered.user

    def _add(self, version: PromptVersion) -> None:
        versions = self._versions.setdefault(version.prompt.name, {})
        if version.version in versions:
            raise InvalidPrompt(f"There are two versions {version.version} of {version.prompt.name}.")
        versions[version.version] = version
