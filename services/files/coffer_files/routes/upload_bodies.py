"""What is sent to begin an upload and to resolve a conflict."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from coffer_chassis.answers import Body
from coffer_chassis.requests import IdText, Moment
from coffer_contracts.files import ConflictPolicy
from coffer_files.domain.parts import MAX_PARTS, Mode
from coffer_files.handlers.sending import PARTS_AT_ONCE
from coffer_files.routes.items import NAME_LIMIT
from coffer_files.routes.requests import ItemRef

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
MimeType = Annotated[
    str, StringConstraints(max_length=200, pattern=r"^[A-Za-z0-9.+_-]+/[A-Za-z0-9.+_-]+(; ?[A-Za-z0-9-]+=[A-Za-z0-9.+_-]+)*$")
]


def _is_a_name(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("not_printable", "A name has no control characters.")
    return text


UploaderName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(_is_a_name)
]
UPLOADER_NAME = "Who sends it through a public link, as they call themselves; shown to the owner."


class UploadBody(Body):
    """A file that is to be sent."""

    parent_id: ItemRef | None = Field(None, description="The folder it goes into; `root` is the caller's own root folder.")
    name: str | None = Field(None, max_length=NAME_LIMIT, description="1 to 255 bytes of UTF-8.")
    item_id: IdText | None = Field(
        None, description="Instead of folder and name: the file that gets new content, for those who may not see its folder."
    )
    size: int = Field(ge=0, le=2**62, strict=True, description="Exact length in bytes.")
    mime_type: MimeType | None = Field(None, description="What the client takes it for; the bytes decide.")
    conflict: ConflictPolicy = Field("fail", description="What to do when the name is taken.")
    base_version_id: IdText | None = Field(None, description="With `replace`: the version that may be replaced.")
    blocks_sha256: tuple[Sha256, ...] | None = Field(
        None, max_length=10_000, description="SHA-256 of every 8 MiB block, hexadecimal; the bucket then checks the bytes."
    )
    modified_at: Moment | None = Field(None, description="When the content was changed, as the client knows.")
    parts_sha256: bool = Field(
        False, description="With parts: their SHA-256 is given when their addresses are asked for, so none is signed before."
    )
    uploader_name: UploaderName | None = Field(None, description=UPLOADER_NAME)
    mode: Mode = Field("auto", description="How the bytes travel; `auto` is one PUT up to 8 MiB, else parts.")

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        placed = self.parent_id is not None and self.name is not None
        if placed is (self.item_id is not None) or (self.item_id and (self.parent_id or self.name)):
            raise PydanticCustomError("one_target", "Say parent_id and name, or item_id alone.")
        return self


class PartsBody(Body):
    """Which parts are to be sent next."""

    numbers: tuple[Annotated[int, Field(ge=1, le=MAX_PARTS, strict=True)], ...] = Field(
        min_length=1, max_length=PARTS_AT_ONCE, description="Numbers of parts, from 1."
    )
    sha256: tuple[Sha256, ...] | None = Field(
        None, max_length=PARTS_AT_ONCE, description="SHA-256 of each of these parts, hexadecimal, in the same order."
    )


class NamedPartBody(Body):
    """A part that was sent."""

    n: int = Field(ge=1, le=MAX_PARTS, strict=True, description="Its number, from 1.")
    etag: str = Field(min_length=1, max_length=200, description="The `ETag` that the bucket answered, quoted or not.")
    sha256: Sha256 | None = Field(None, description="SHA-256 of the part, hexadecimal.")


class CompleteBody(Body):
    """What was sent. The body may be left out."""

    parts: tuple[NamedPartBody, ...] | None = Field(
        None, min_length=1, max_length=MAX_PARTS, description="All parts, in any order; without them the bucket is asked."
    )


class ResolveBody(Body):
    """How a conflict is to be resolved."""

    name: str | None = Field(None, max_length=NAME_LIMIT, description="Another name.")
    parent_id: ItemRef | None = Field(None, description="Another folder of the same drive.")
    conflict: ConflictPolicy | None = Field(None, description="Another policy.")
