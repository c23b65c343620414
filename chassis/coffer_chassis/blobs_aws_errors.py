"""What S3 says when it does not do as it was asked, in the words of Blobs."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError

from coffer_chassis.blobs import BlobChanged, BlobMissing

ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
CHANGED = frozenset({"412", "PreconditionFailed"})


@contextmanager
def translated() -> Iterator[None]:
    """Within it an object that is not there raises BlobMissing, and one that is another one BlobChanged."""
    try:
        yield
    except ClientError as error:
        if code_of(error) in ABSENT:
            raise BlobMissing(str(error)) from error
        if code_of(error) in CHANGED:
            raise BlobChanged(str(error)) from error
        raise


def code_of(error: ClientError) -> str:
    """The code of a refusal (S3 API reference, error responses)."""
    return str(error.response.get("Error", {}).get("Code", ""))
