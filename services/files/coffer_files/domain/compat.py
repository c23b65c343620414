"""What the CloudDrive API takes from the names of files."""

from coffer_contracts.files import MediaKind
from coffer_files.domain.names import split_extension


def shown_type(name: str, kind: MediaKind | None) -> str:
    """What a name ends in, without the dot and in small letters; the coarse kind for a name without an extension, because
    only folders have no type.
    """
    _, extension = split_extension(name)
    return extension.rpartition(".")[2].lower() or kind or "other"


def with_extension(wanted: str, current: str) -> str:
    """The wanted name; if that has no extension, with the one that the file has. What is no name does not become one."""
    if not wanted.strip(".") or split_extension(wanted)[1]:
        return wanted
    return wanted + split_extension(current)[1]
