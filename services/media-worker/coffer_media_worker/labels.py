"""The label libmagic gives to what the signature table leaves unknown; Coffer works without. Alone imports `magic`."""

from typing import Any

import structlog

log = structlog.get_logger(__name__)


class Labels:
    """Names unknown bytes by libmagic, loaded at the first question (15 ms, 3 MB).

    `missing` tells, after the first question, why there is no libmagic; that is logged once.
    """

    def __init__(self) -> None:
        self._magic: Any = None
        self._tried = False
        self.missing: str | None = None

    def __call__(self, head: bytes) -> str | None:
        """MIME type by libmagic, or None without one; may be called from several threads (the object locks)."""
        if not self._tried:
            self._tried = True
            self._magic = self._load()
            if self._magic is None:
                log.warning("libmagic_missing", error=self.missing, advice="what our own table does not know has no name")
        if self._magic is None:
            return None
        try:
            told: str = self._magic.from_buffer(head[:65_536])
        except Exception as error:  # noqa: BLE001 libmagic gives up on odd bytes with errors of its own kinds
            self.missing = f"{type(error).__name__}: {error}"
            return None
        return told

    def _load(self) -> Any:
        try:
            try:
                import magic  # noqa: PLC0415 optional, and slow to load
            except ImportError:
                import pylibmagic  # noqa: F401, PLC0415, I001 brings the library where the system has none; must come first
                import magic  # noqa: PLC0415 as above
            return magic.Magic(mime=True)
        except Exception as error:  # noqa: BLE001 a broken or missing library of whatever version must not stop uploads
            self.missing = f"{type(error).__name__}: {error}"
            return None
