"""Long histories of comments, made by chance, held against a model that fits on a page: who may do what, and what is there."""

import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from coffer_contracts.problems import Forbidden, NotFound, Problem, StateConflict, ValidationFailed
from factories.comments import counted, edit, read, remove, resolve, say, told_of_comment
from factories.sharing import Item, Sharing

WRITES, READS, NOTHING = 2, 1, 0


@dataclass(eq=False)
class Said:
    """A comment as the model has it."""

    shown: Any
    author: str | None
    text: str | None
    thread: "Said | None" = None
    resolved: bool = False
    facts: list[str] = field(default_factory=lambda: ["created"])
    replies: "list[Said]" = field(default_factory=list)


class History:
    """An item, people with different rights on it, and what they said."""

    def __init__(self, sharing: Sharing, item: Item, people: dict[str, Any], chance: random.Random) -> None:
        self.sharing, self.item, self.people, self.chance = sharing, item, people, chance
        self.rights = {"owner": WRITES, "editor": WRITES, "viewer": READS, "stranger": NOTHING}
        self.threads: list[Said] = []
        self.all: list[Said] = []

    def there(self) -> list[Said]:
        """What is to be seen, in order."""
        return [one for thread in self.threads for one in (thread, *thread.replies)]

    async def step(self) -> None:
        """Somebody does something; it is refused exactly when the model says so."""
        who = self.chance.choice([*self.people])
        do = self.chance.choice([self.comment, self.comment, self.reply, self.reply, self.edit, self.remove, self.resolve])
        await do(who)

    async def expect(self, who: str, wanted: type[Problem] | None, doing: Any) -> Any:
        if self.rights[who] == NOTHING:
            wanted = NotFound
        if wanted is None:
            return await doing
        with pytest.raises(wanted):
            await doing
        return None

    def any(self) -> Said | None:
        return self.chance.choice(self.all) if self.all else None

    async def comment(self, who: str) -> None:
        made = await self.expect(who, None, say(self.sharing, self.item, self.people[who], f"{len(self.all)}"))
        if made:
            self.threads.append(Said(made, who, made.comment.text))
            self.all.append(self.threads[-1])

    async def reply(self, who: str) -> None:
        to = self.any()
        if to is None:
            return
        wanted = ValidationFailed if to.thread is not None or to not in self.threads else None
        doing = say(self.sharing, self.item, self.people[who], f"{len(self.all)}", to=to.shown)
        made = await self.expect(who, wanted, doing)
        if made:
            to.replies.append(Said(made, who, made.comment.text, to))
            self.all.append(to.replies[-1])

    async def edit(self, who: str) -> None:
        one = self.any()
        if one is None:
            return
        wanted: type[Problem] | None = None
        if one not in self.there():
            wanted = NotFound
        elif one.text is None:
            wanted = StateConflict
        elif one.author != who:
            wanted = Forbidden
        text = self.chance.choice([f"edit {self.chance.random()}", one.text or "x"])
        if await self.expect(who, wanted, edit(self.sharing, one.shown, self.people[who], text)) and text != one.text:
            one.text = text
            one.facts.append("changed")

    async def remove(self, who: str) -> None:
        one = self.any()
        if one is None:
            return
        wanted: type[Problem] | None = None
        if one not in self.there():
            wanted = NotFound
        elif one.text is not None and who not in {one.author, "owner"}:
            wanted = Forbidden
        await self.expect(who, wanted, remove(self.sharing, one.shown, self.people[who]))
        if wanted is not None or self.rights[who] == NOTHING or one.text is None:
            return
        one.text = one.author = None
        one.facts.append("deleted")
        if one.thread is not None:
            one.thread.replies.remove(one)
            if one.thread.text is None and not one.thread.replies:
                self.threads.remove(one.thread)
        elif not one.replies:
            self.threads.remove(one)

    async def resolve(self, who: str) -> None:
        one = self.any()
        if one is None:
            return
        resolved = self.chance.random() < 0.6
        wanted: type[Problem] | None = None
        if one not in self.there():
            wanted = NotFound
        elif one.thread is not None:
            wanted = StateConflict
        elif self.rights[who] != WRITES and one.author != who:
            wanted = Forbidden
        doing = resolve(self.sharing, one.shown, self.people[who], resolved=resolved)
        if await self.expect(who, wanted, doing) and one.resolved != resolved:
            one.resolved = resolved
            one.facts.append("changed")

    async def check(self) -> None:
        """The service and the model say the same."""
        found = await read(self.sharing, self.item)
        names = {somebody.user_id: name for name, somebody in self.people.items()}
        seen = [(one.comment.text, names[one.author.user_id] if one.author else None) for one in found]
        assert seen == [(one.text, one.author) for one in self.there()]
        assert [one.comment.resolved_at is not None for one in found] == [one.resolved for one in self.there()]
        assert await counted(self.sharing, self.item) == (len(found), len(found))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_a_long_history_leaves_what_the_model_says(sharing: Sharing, seed: int) -> None:
    people = {"owner": sharing.owner} | {name: await sharing.person() for name in ("editor", "viewer", "stranger")}
    item = await sharing.item()
    await sharing.share(item, people["viewer"])
    await sharing.share(item, people["editor"], role="editor")
    history = History(sharing, item, people, random.Random(seed))
    for number in range(60):
        await history.step()
        if number % 5 == 0:
            await history.check()
    await history.check()
    for one in history.all:
        told = await told_of_comment(sharing, one.shown)
        assert [fact.type.split(".")[2] for fact in told] == one.facts
        assert [fact.revision for fact in told] == list(range(1, len(told) + 1))
