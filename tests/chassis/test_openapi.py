"""The documents made from routes: valid as OpenAPI 3.1, complete by our own rules, and mergeable."""

import copy
import json
from datetime import datetime
from typing import Annotated, Any, Literal

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, JSONBody, PathParameter, QueryParameter
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, Field

from coffer_chassis.access_rules import operator, public, user
from coffer_chassis.answers import Body, Timestamp
from coffer_chassis.etags import Conditions
from coffer_chassis.openapi import Outgoing, describe, documented, lint, merge
from coffer_chassis.openapi.examples import example_of
from coffer_contracts.problems import KindConflict, NameConflict, PreconditionFailed, RateLimited
from factories.http import app_of

ItemKey = Annotated[str, PathParameter(description="Id of the item, or `root`.", pattern="^(root|[0-9a-f-]{36})$")]


class Owner(msgspec.Struct):
    user_id: str
    email: str


class Item(msgspec.Struct, kw_only=True):
    """A file or a folder."""

    id: str
    kind: Literal["file", "folder"]
    size: int = 0
    changed_at: Timestamp
    owner: Owner | None = None
    tags: list[str] = []


class ItemPage(msgspec.Struct):
    """One page."""

    items: list[Item]
    next_cursor: str | None = None


class NewFolder(Body):
    """What a folder is made from."""

    name: str = Field(max_length=255, description="The name.", examples=["Travel"])
    conflict: Literal["fail", "rename"] = "fail"


class Receipt(BaseModel):
    id: str
    made_at: Timestamp


@get("/v1/items/{item_id:str}", opt=user("files:read", links=True) | documented(raises=[PreconditionFailed], headers=["ETag"]))
async def get_item(item_id: ItemKey, conditions: NamedDependency[Conditions]) -> Response[Item]:
    """Show an item.

    Answers 304 when `If-None-Match` names its tag.
    """
    raise AssertionError(item_id, conditions)


@get("/v1/items", opt=user("files:read"))
async def list_items(
    limit: Annotated[int, QueryParameter(description="Rows per page.", ge=1, le=1000)] = 100,
) -> ItemPage:
    """List all items."""
    raise AssertionError(limit)


@post(
    "/v1/folders",
    opt=user("files:write")
    | documented(
        raises=[NameConflict, KindConflict],
        events=["files.item.created.v1"],
        also={202: "Made later.", 303: "To what is there."},
    ),
)
async def create_folder(
    data: JSONBody[NewFolder],
    key: Annotated[str | None, HeaderParameter(name="Idempotency-Key", description="Makes repeating safe.")] = None,
) -> Receipt:
    """Make a folder."""
    raise AssertionError(data, key)


@delete("/v1/items/{item_id:str}", opt=user("files:write"), status_code=204)
async def trash_item(item_id: ItemKey) -> None:
    """Move an item to the trash."""


@get("/v1/admin/files/queues", opt=operator())
async def list_queues() -> dict[str, int]:
    """List queue depths."""
    return {}


@get("/drive", opt=public() | documented(compat=True, response={"folders": []}))
async def list_drive() -> dict[str, list[str]]:
    """List the drive as the CloudDrive API does."""
    return {}


class Bare(msgspec.Struct):
    made_at: datetime


ROUTES = (get_item, list_items, create_folder, trash_item, list_queues, list_drive)


def described(*routes: Any, outgoing: Outgoing | None = None) -> dict[str, Any]:
    return describe(app_of(*(routes or ROUTES)), title="Files", version="1", shared=[RateLimited], outgoing=outgoing)


DOCUMENT = described()


def operation(path: str, method: str) -> Any:
    return DOCUMENT["paths"][path][method]


def test_the_document_is_valid_openapi_3_1_and_breaks_no_rule_of_ours() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    assert lint(DOCUMENT) == []


def test_the_document_is_the_same_every_time() -> None:
    assert json.dumps(described()) == json.dumps(DOCUMENT)


def test_an_operation_is_introduced_by_its_handler() -> None:
    found = operation("/v1/items/{item_id}", "get")
    assert (found["operationId"], found["summary"], found["tags"]) == ("get_item", "Show an item", ["items"])
    assert "304" in found["description"]
    assert operation("/v1/folders", "post")["x-events"] == ["files.item.created.v1"]
    assert operation("/drive", "get")["x-compat"] is True


def test_further_answers_look_like_the_usual_one_and_redirections_are_empty() -> None:
    answers = operation("/v1/folders", "post")["responses"]
    assert answers["202"]["content"] == answers["201"]["content"]
    assert (answers["202"]["description"], "content" in answers["303"]) == ("Made later.", False)


def test_security_follows_the_access_rule() -> None:
    assert operation("/v1/folders", "post")["security"] == [{"bearer": ["files:write"]}]
    assert operation("/v1/admin/files/queues", "get")["security"] == [{"bearer": ["admin:read"]}]
    assert operation("/drive", "get")["security"] == []


@pytest.mark.parametrize(
    ("path", "method", "codes"),
    [
        ("/v1/items/{item_id}", "get", {"200", "304", "401", "403", "404", "412", "429", "500"}),
        ("/v1/items", "get", {"200", "401", "403", "422", "429", "500"}),
        ("/v1/folders", "post", {"201", "202", "303", "400", "401", "403", "409", "413", "415", "422", "429", "500"}),
        ("/v1/items/{item_id}", "delete", {"204", "401", "403", "404", "429", "500"}),
        ("/drive", "get", {"200", "429", "500"}),
    ],
)
def test_every_refusal_an_operation_can_give_is_listed(path: str, method: str, codes: set[str]) -> None:
    assert set(operation(path, method)["responses"]) == codes


def test_codes_that_meet_under_one_status_share_a_response_with_an_example_each() -> None:
    reference = operation("/v1/folders", "post")["responses"]["409"]["$ref"]
    assert reference == "#/components/responses/KindConflictOrNameConflict"
    response = DOCUMENT["components"]["responses"]["KindConflictOrNameConflict"]
    examples = response["content"]["application/problem+json"]["examples"]
    assert set(examples) == {"name_conflict", "kind_conflict"}
    assert examples["name_conflict"]["value"]["suggested_name"] == "Report (1).pdf"


def test_no_trace_of_the_frameworks_own_error_format_is_left() -> None:
    assert "status_code" not in json.dumps(DOCUMENT)


def test_schemas_keep_what_the_types_say() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["NewFolder"]["additionalProperties"] is False
    assert schemas["NewFolder"]["properties"]["conflict"] == {"default": "fail", "enum": ["fail", "rename"], "type": "string"}
    assert schemas["Item"]["description"] == "A file or a folder."
    assert schemas["Item"]["properties"]["changed_at"]["format"] == "date-time"
    assert schemas["Receipt"]["properties"]["made_at"]["format"] == "date-time"
    assert schemas["Item"]["properties"]["size"]["default"] == 0


def test_headers_are_described_once_and_referred_to() -> None:
    headers = operation("/v1/items/{item_id}", "get")["responses"]["200"]["headers"]
    names = ("ETag", "RateLimit", "RateLimit-Policy", "X-Request-Id")
    assert headers == {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    with pytest.raises(KeyError):
        documented(headers=["X-Unheard-Of"])


def test_every_example_fits_its_schema() -> None:
    checked = 0
    for body in _bodies(DOCUMENT):
        for example in _examples(body):
            schema = {**body["schema"], "components": DOCUMENT["components"]}
            jsonschema.Draft202012Validator(schema).validate(example)
            checked += 1
    assert checked > 10


def _bodies(value: Any) -> Any:
    if isinstance(value, dict):
        if "schema" in value and ("example" in value or "examples" in value) and "in" not in value:
            yield value
        for inner in value.values():
            yield from _bodies(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _bodies(inner)


def _examples(body: Any) -> list[Any]:
    if "example" in body:
        return [body["example"]]
    return [example["value"] for example in body["examples"].values()]


def test_two_types_of_one_name_are_refused_because_the_name_is_public() -> None:
    def twin() -> type[msgspec.Struct]:
        return msgspec.defstruct("Item", [("other", int)])

    @get("/v1/twin", opt=public())
    async def get_twin() -> twin():  # type: ignore[valid-type]  # a second class of the same name is the case tested
        """Show the twin."""

    with pytest.raises(ValueError, match="called Item"):
        described(get_item, get_twin)


BREAKAGES: list[tuple[str, Any, str]] = [
    ("operationId", "GetItem", "verb_noun"),
    ("operationId", "item", "verb_noun"),
    ("operationId", "list_items", "also that of"),
    ("summary", "x" * 61, "summary"),
    ("summary", "Show an item.", "summary"),
    ("description", "", "description is missing"),
    ("tags", ["a", "b"], "one tag"),
    ("security", None, "security must be stated"),
]


@pytest.mark.parametrize(("field", "value", "complaint"), BREAKAGES)
def test_lint_complains_about_a_badly_introduced_operation(field: str, value: Any, complaint: str) -> None:
    broken = copy.deepcopy(DOCUMENT)
    found = broken["paths"]["/v1/items/{item_id}"]["get"]
    found[field] = value
    if value is None:
        del found[field]
    assert any(complaint in line for line in lint(broken))


def test_lint_complains_about_missing_examples_inline_errors_and_dead_references() -> None:
    broken = copy.deepcopy(DOCUMENT)
    post_folder = broken["paths"]["/v1/folders"]["post"]
    del post_folder["requestBody"]["content"]["application/json"]["example"]
    del post_folder["responses"]["201"]["content"]["application/json"]["example"]
    post_folder["responses"]["409"] = {"description": "inline"}
    del post_folder["responses"]["401"], post_folder["responses"]["500"]
    del broken["components"]["responses"]["NotFound"]
    del broken["components"]["responses"]["PreconditionFailed"]["content"]["application/problem+json"]["examples"]
    post_folder["parameters"][0] = {"name": "bare", "in": "query", "schema": {"type": "string"}}
    complaints = " ".join(lint(broken))
    for expected in (
        "request application/json has no example",
        "answer 201 application/json has no example",
        "answer 409 must be a $ref",
        "answers 401",
        "answers 500",
        "#/components/responses/NotFound: leads nowhere",
        "response PreconditionFailed: must be application/problem+json",
        "parameter bare has no description",
    ):
        assert expected in complaints


def hear_of(**changes: Any) -> Outgoing:
    """A request that the service sends, as its document tells it."""
    request = {
        "operationId": "hear_item",
        "summary": "Hear of an item",
        "description": "Sent to whoever asked.",
        "tags": ["items"],
        "security": [],
        "parameters": [{"$ref": "#/components/parameters/Signature"}],
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Told"}, "example": {}}}},
        "responses": {"2XX": {"description": "Taken."}},
    }
    signature = {"name": "signature", "in": "header", "description": "Proof.", "schema": {"type": "string"}}
    components: dict[str, dict[str, Any]] = {"schemas": {"Told": {"type": "object"}}, "parameters": {"Signature": signature}}
    return Outgoing({"item.made": {"post": request | changes}}, components)


def test_what_a_service_sends_stands_beside_what_it_answers_and_survives_a_merge() -> None:
    sent = described(get_item, outgoing=hear_of())
    assert lint(sent) == []
    merged = merge({"files": sent, "media-worker": other_service()})
    OpenAPIV31SpecValidator(merged).validate()
    assert lint(merged) == []
    assert set(merged["webhooks"]) == {"item.made"}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"description": ""}, "description is missing"),
        ({"operationId": "get_item"}, "also that of"),
        ({"requestBody": {"content": {"application/json": {"schema": {}}}}}, "no example"),
        ({"parameters": [{"$ref": "#/components/parameters/Nothing"}]}, "leads nowhere"),
    ],
)
def test_lint_looks_at_what_is_sent_too(changes: dict[str, Any], complaint: str) -> None:
    assert any(complaint in line for line in lint(described(get_item, outgoing=hear_of(**changes))))


def test_what_is_sent_bears_no_name_that_is_taken() -> None:
    taken = Outgoing({}, {"schemas": {"Problem": {"type": "object"}}})
    with pytest.raises(ValueError, match="Problem"):
        described(get_item, outgoing=taken)


def test_lint_finds_a_time_that_is_not_written_as_every_other() -> None:
    @get("/v1/bare", opt=public())
    async def get_bare() -> Bare:
        """Show a bare time."""
        raise AssertionError

    assert lint(described(get_bare)) == ["schema Bare.made_at: a time needs an example; in answers use Timestamp"]


OtherItem = msgspec.defstruct("Item", [("photo", str)])
"""Something else of the same name, as another service might have it."""


def other_service() -> dict[str, Any]:
    @get("/v1/photos/{photo_id:str}", opt=user("files:read"))
    async def get_photo(photo_id: Annotated[str, PathParameter(description="Id.")]) -> OtherItem:  # type: ignore[valid-type]  # made at run time, to bear the same name
        """Show a photo."""
        raise AssertionError(photo_id)

    @patch("/v1/items/{item_id:str}", opt=user("files:read"))
    async def update_item(item_id: ItemKey, data: JSONBody[NewFolder]) -> None:
        """Change an item."""
        raise AssertionError(item_id, data)

    return described(get_photo, update_item)


def test_documents_merge_into_one_that_is_valid_and_keeps_both_meanings_of_a_name() -> None:
    merged = merge({"media-worker": other_service(), "files": DOCUMENT}, title="Coffer", version="1")
    OpenAPIV31SpecValidator(merged).validate()
    assert lint(merged) == []
    schemas = merged["components"]["schemas"]
    assert "Item" not in schemas
    assert {"FilesItem", "MediaWorkerItem", "FilesItemPage", "ItemPage"} - set(schemas) == {"FilesItemPage"}
    shown = merged["paths"]["/v1/photos/{photo_id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert shown == {"$ref": "#/components/schemas/MediaWorkerItem"}
    assert set(schemas["MediaWorkerItem"]["properties"]) == {"photo"}
    assert schemas["ItemPage"]["properties"]["items"]["items"]["$ref"].endswith("/FilesItem")
    assert set(merged["paths"]["/v1/items/{item_id}"]) == {"get", "delete", "patch"}
    assert merged["components"]["responses"]["NotFound"] == DOCUMENT["components"]["responses"]["NotFound"]


def test_merging_does_not_depend_on_the_order_and_changes_no_input() -> None:
    mine, theirs = copy.deepcopy(DOCUMENT), other_service()
    before = json.dumps([mine, theirs])
    one = merge({"files": mine, "media-worker": theirs})
    other = merge({"media-worker": theirs, "files": mine})
    assert json.dumps(one) == json.dumps(other)
    assert json.dumps([mine, theirs]) == before


def test_a_shared_name_whose_parts_differ_is_not_taken_for_the_same() -> None:
    mine, theirs = copy.deepcopy(DOCUMENT), copy.deepcopy(DOCUMENT)
    theirs["paths"] = {}
    theirs["components"]["schemas"]["Owner"]["properties"]["user_id"] = {"type": "integer"}
    schemas = merge({"files": mine, "other": theirs})["components"]["schemas"]
    assert {"FilesItem", "OtherItem", "FilesItemPage", "OtherItemPage", "FilesOwner", "OtherOwner"} <= set(schemas)
    assert "Receipt" in schemas


def test_two_services_cannot_claim_one_operation_or_one_id() -> None:
    with pytest.raises(ValueError, match="claims"):
        merge({"files": DOCUMENT, "other": DOCUMENT})
    renamed = {**DOCUMENT, "paths": {"/elsewhere": DOCUMENT["paths"]["/drive"]}}
    with pytest.raises(ValueError, match="list_drive"):
        merge({"files": DOCUMENT, "other": renamed})


SCALARS = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "minLength": 5, "maxLength": 6},
        {"type": "string", "format": "uuid"},
        {"type": "integer", "minimum": 3},
        {"type": "number", "exclusiveMinimum": 2},
        {"type": "boolean"},
        {"type": "null"},
        {"enum": ["a", 2]},
        {"const": 4},
        {"type": ["null", "string"]},
    ]
)
SCHEMAS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 3)),
        st.dictionaries(st.sampled_from(["id", "made_at", "name", "x"]), inner, max_size=3).map(
            lambda fields: {"type": "object", "properties": fields, "required": sorted(fields)}
        ),
        st.lists(inner, min_size=1, max_size=2).map(lambda options: {"anyOf": [*options, {"type": "null"}]}),
    ),
    max_leaves=6,
)


@given(SCHEMAS)
def test_made_up_examples_fit_whatever_schema_they_are_made_for(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(schema).validate(example_of(schema, {}))


def test_a_schema_that_contains_itself_still_gets_an_example() -> None:
    tree = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/components/schemas/T"}}}}
    document = {"components": {"schemas": {"T": tree}}}
    assert "children" in example_of({"$ref": "#/components/schemas/T"}, document)
