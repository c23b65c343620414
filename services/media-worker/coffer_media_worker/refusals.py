"""Why a picture is not drawn: the errors of `imaging`, each with the reason that people and events are told."""

from typing import ClassVar

from coffer_media_worker.domain import PreviewFailure


class ImagingError(Exception):
    """No preview of these bytes.

    ImagingError
    ├── UnsupportedError      not one of the formats we decode
    ├── EncryptedError        nobody can look into it without a password
    ├── CorruptError          damaged or cut short
    ├── NoSuchPageError       the document has fewer pages
    ├── TooManyPixelsError    honest, but beyond the limits
    ├── BombError             beyond the limits, and far denser than an honest picture
    ├── TooLargeError         the finished preview has too many bytes
    └── OutOfMemoryError      the decoder could not have the memory it asked for
    """

    reason: ClassVar[PreviewFailure] = PreviewFailure.CRASHED


class UnsupportedError(ImagingError):
    """Raised for bytes that are none of `FORMATS`."""

    reason = PreviewFailure.UNSUPPORTED


class EncryptedError(ImagingError):
    """Raised for a document that asks for a password."""

    reason = PreviewFailure.ENCRYPTED


class CorruptError(ImagingError):
    """Raised where the decoder gives up, or the picture has no end."""

    reason = PreviewFailure.CORRUPT


class NoSuchPageError(ImagingError):
    """Raised for a page that the document does not have."""

    reason = PreviewFailure.NO_SUCH_PAGE


class TooManyPixelsError(ImagingError):
    """Raised before decoding, by the header alone."""

    reason = PreviewFailure.TOO_MANY_PIXELS


class BombError(ImagingError):
    """Raised before decoding, by the header or the number of scans."""

    reason = PreviewFailure.BOMB


class TooLargeError(ImagingError):
    """Raised when the preview passes its budget at every quality."""

    reason = PreviewFailure.TOO_LARGE


class OutOfMemoryError(ImagingError):
    """Raised in place of MemoryError."""

    reason = PreviewFailure.MEMORY
