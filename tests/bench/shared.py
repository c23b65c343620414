"""What a hundred shared items cost to list."""

from bench.load import run_loop
from bench.measures import Row, constant_answer, costed, http_row, requested, signed_in
from factories.people import Person
from factories.stacks import LocalStack


def list_hundred_shares(stack: LocalStack, clients: int) -> list[Row]:
    """A hundred folders that somebody was given, listed by whoever has them and by whoever gave them."""
    ana, ben = Person.at(stack.url), Person.at(stack.url)
    parent = ana.folder("given")["id"]
    for number in range(100):
        ana.share(ana.folder(f"folder {number:03}", parent)["id"], ben, notify=False)
    rows = []
    for person, path in ((ben, "with-me"), (ana, "by-me")):
        assert len(person.get(f"/v1/shares/{path}")["items"]) == 100
        ask = requested(f"{stack.url}/v1/shares/{path}")
        found = costed(stack, lambda ask=ask, person=person: run_loop(ask, clients=clients, headers=signed_in(person)))  # type: ignore[misc]  # both are bound at once
        rows.append(http_row(f"list 100 shares {path}, {clients} clients", found, constant_answer(stack, clients)))
    return rows
