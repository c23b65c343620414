"""Facts as a later release of the same major might tell them: with words and fields that this release does not know."""

import json
from typing import Any

from coffer_contracts.catalog import parse
from coffer_contracts.event import Envelope


def from_a_later_release(fact: Envelope[Any], **words: Any) -> Envelope[Any]:
    """The fact as a reader gets it when its writer put these into the envelope or, under names it has not, into the data."""
    raw = json.loads(fact.to_json())
    for name, value in words.items():
        (raw if name in raw else raw["data"])[name] = value
    raw["fromthefuture"] = raw["data"]["from_the_future"] = {"deep": [1]}
    return parse(json.dumps(raw))
