"""How a Coffer stands when everything is over, in a form that two runs have in common: names for ids, no moments.

What the stores hold is asked past all chaos; what people see is asked over HTTP.
"""

import hashlib
import json
import re
from collections import Counter
from typing import Any

from coffer_notifier.domain.notices import GATHERED
from factories.chaos_follower import Follower, fresh_look
from factories.chaos_running import Running
from factories.chaos_story import Story
from factories.live import listening

State = dict[str, Any]

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?")

ITEMS = """SELECT i.id, i.owner_id, i.parent_id, i.kind, i.name, i.trashed_at IS NOT NULL AS trashed, i.size_bytes, i.mime_type,
    i.media_kind, i.flags, i.preview_status, i.preview_reason, i.created_by FROM items i"""
VERSIONS = """SELECT v.item_id, v.size_bytes, v.mime_type, v.flags, v.preview_status, v.preview_reason,
    jsonb_array_length(v.preview_images) AS pictures, v.created_by, b.key FROM versions v JOIN blobs b ON b.id = v.blob_id"""
UPLOADS = "SELECT owner_id, uploader_id, name, conflict, size_bytes, state, reason, item_id FROM uploads"
SHARES = """SELECT item_id, recipient_id, role, message, end_reason, ended_at IS NOT NULL AS ended FROM shares"""
ACTIVITY = """SELECT action, actor_id, actor_kind, item_id, item_kind, item_name, owner_id, recipient_id, changes, reason
    FROM activity"""
NOTICES = """SELECT user_id, type, actor_id, item_id, item_name, data, deleted_at IS NOT NULL AS deleted FROM notices
    WHERE gather_key IS NULL"""
"""Without those that speak of several facts: into how many they fall is a matter of the clock. Rules of stores hold them."""
STREAM = """SELECT user_id, topic, event, data - 'notice_id' AS data FROM stream
    WHERE (event = 'notification' AND data ->> 'notice_id' IN (SELECT id::text FROM notices WHERE gather_key IS NULL))
    OR (event = 'upload' AND data ->> 'state' NOT LIKE 'preview%')"""
MAILS = "SELECT user_id, kind, state, data - 'notice_id' AS data FROM mails"
MAILED = "SELECT message_id, ses_id, to_address FROM mails WHERE state = 'sent'"
SESSIONS = "SELECT user_id, revoked_reason FROM sessions WHERE revoked_at IS NOT NULL"
DRIVES = "SELECT owner_id, used_bytes, reserved_bytes FROM drives"
FACTS = "SELECT type, subject FROM outbox WHERE NOT replay AND type NOT LIKE 'auth.%' AND type NOT LIKE '%.received.%'"


class Names:
    """What ids are called: people by user name, items by owner and last name."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    @classmethod
    def of(cls, running: Running) -> "Names":
        """Read them from the stores."""
        house = running.house
        names = {str(row["id"]): row["username"] for row in running.do(house.fetch("auth", "SELECT id, username FROM users"))}
        told = "SELECT body FROM outbox WHERE type LIKE 'files.item.%' ORDER BY position"
        for row in running.do(house.fetch("files", told)):
            fact = json.loads(row["body"])["data"]
            names[fact["item_id"]] = f"{names[fact['owner_id']]}/{fact['name']}"
        return cls(names)

    def plain(self, value: Any) -> Any:
        """Any value with names for ids and without moments."""
        text = json.dumps(value, sort_keys=True, default=str)
        text = _ID.sub(lambda match: self._names.get(match[0], "<id>"), text)
        return json.loads(_MOMENT.sub("<moment>", text))


def state_of(running: Running, story: Story) -> State:
    """Everything that two runs of the story must have in common."""
    names = Names.of(running)
    house = running.house

    def rows(service: str, query: str) -> list[str]:
        found = running.do(house.fetch(service, query))
        return sorted(json.dumps(names.plain(_values(row)), sort_keys=True) for row in found)

    return {
        "items": rows("files", ITEMS),
        "versions": sorted(_versions(running, names)),
        "uploads": rows("files", UPLOADS),
        "usage": rows("files", DRIVES),
        "shares": rows("sharing", SHARES),
        "activity": rows("notifier", ACTIVITY),
        "notices": rows("notifier", NOTICES),
        "stream": rows("notifier", STREAM),
        "mails": rows("notifier", MAILS),
        "ended sessions": sorted(set(rows("auth", SESSIONS))),
        "facts": [fact for service in ("files", "media-worker", "sharing") for fact in rows(service, FACTS)],
        "seen": {name: names.plain(_seen(person)) for name, person in story.people.items()},
    }


def _values(row: Any) -> dict[str, Any]:
    return {name: json.loads(value) if name in {"data", "changes"} else value for name, value in dict(row).items()}


def _versions(running: Running, names: Names) -> list[str]:
    blobs = running.house.services["files"].deps.blobs
    found = []
    for row in running.do(running.house.fetch("files", VERSIONS)):
        values = dict(row)
        content = running.do(blobs.read(values.pop("key")))
        found.append(json.dumps(names.plain({**values, "hash": hashlib.sha256(content).hexdigest()}), sort_keys=True))
    return found


def _seen(person: Any) -> dict[str, Any]:
    """What one person sees: the tree, the feed of notices, and what happened."""
    notices = person.get("/v1/notifications", limit=100)["items"]
    entries = person.get("/v1/activity", limit=100)["items"]
    return {
        "tree": sorted(fresh_look(person).items(), key=str),
        "notices": sorted(
            json.dumps([notice["type"], notice["title"], notice["data"]])
            for notice in notices
            if notice["type"] not in GATHERED
        ),
        "activity": sorted(json.dumps([entry["action"], entry["item"]["name"], entry["changes"]]) for entry in entries),
    }


def differences(calm: State, found: State) -> list[str]:
    """What one has and the other has not, each a line."""
    told = []
    for part, expected in calm.items():
        lines, others = (Counter(one if isinstance(one, list) else _lines(one)) for one in (expected, found[part]))
        told += [f"{part}: missing {line}" for line in (lines - others).elements()]
        told += [f"{part}: too much {line}" for line in (others - lines).elements()]
    return told


def _lines(seen: dict[str, Any]) -> list[str]:
    return [
        f"{name} {kind} {json.dumps(line)}" for name, parts in seen.items() for kind, lines in parts.items() for line in lines
    ]


def wrong_for(running: Running, story: Story) -> list[str]:
    """What each person's own means of keeping up get wrong: feeds, live streams, ended sessions."""
    told = []
    for name, person in story.people.items():
        fresh = fresh_look(person)
        followed = Follower(person).catch_up()
        if followed != fresh:
            told.append(f"{name}'s change feed ends at {followed}, and there is {fresh}")
        notices = {notice["id"] for notice in person.get("/v1/notifications", limit=100)["items"]}
        with listening(person, person.heard_until) as live:
            live.wait_until(lambda: live.count("notification") >= len(notices))  # noqa: B023  # waited for right here
        notified = [one["data"] for one in live.heard if one["event"] == "notification"]
        once = Counter(one["id"] for one in notified if one["type"] not in GATHERED)
        if {one["id"] for one in notified} != notices or set(once.values()) - {1}:
            told.append(f"{name}'s live stream told {notified}, and there are {notices}")
    told += [f"a session that has ended is let in: {one.headers}" for one in story.signed_out if _is_let_in(one)]
    return told


def sent_otherwise(running: Running, *, once: bool = False) -> list[str]:
    """Mails that did not arrive or went out under another Message-ID than they should; with `once` also those that went
    out twice.
    """
    rows = running.do(running.house.fetch("notifier", MAILED))
    arrived = {mail["MessageId"] for row in rows for mail in running.do(running.house.mails_to(row["to_address"]))}
    told = [f"the mail {row['message_id']} never arrived" for row in rows if row["ses_id"] not in arrived]
    known = {row["message_id"] for row in rows}
    told += [f"a mail went out as {message_id}" for message_id in running.house.post.handed_over if message_id not in known]
    return told + ([f"{len(arrived)} mails arrived for {len(rows)}"] if once and len(arrived) != len(rows) else [])


def _is_let_in(device: Any) -> bool:
    return any(device.get(path).status_code != 401 for path in ("/v1/usage", "/v1/shares/by-me", "/v1/notifications", "/v1/me"))
