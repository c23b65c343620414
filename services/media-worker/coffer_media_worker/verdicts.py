"""What follows from a verdict, as one table: why a file is refused, and what a flag means for one that is kept.

Who serves files keeps to it by the flags alone: a test holds both sides together, and docs/verdicts.md against this.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from coffer_media_worker.domain import Flag, RejectReason


@dataclass(frozen=True, slots=True)
class Kept:
    """A file with this flag is kept under its true type. `inline` is whether a browser may show its bytes."""

    meaning: str
    inline: bool = True


REJECTIONS: Mapping[RejectReason, str] = {
    RejectReason.EXECUTABLE_IN_DISGUISE: "The file is a program, but its name or type says that it is something else.",
    RejectReason.INFECTED: "The virus scanner has found something in the file.",
    RejectReason.NOT_SCANNED: "The file could not be scanned for viruses, and nothing is taken without that.",
    RejectReason.POLYGLOT: "The file is two kinds of file at once, which is a way to smuggle one as the other.",
    RejectReason.TEST_VIRUS: "The file is the EICAR anti-virus test file.",
}
"""Why a file is refused, in a sentence for its owner. Its bytes lie in quarantine for a week; an operator may release them."""

KEPT: Mapping[Flag, Kept] = {
    Flag.ACTIVE_CONTENT: Kept("a browser or viewer would run it: HTML, SVG, XML, PostScript, actions of a PDF", inline=False),
    Flag.BOMB: Kept("it declares far more content than its size can honestly hold; no preview", inline=False),
    Flag.EMBEDDED_FILE: Kept("a PDF that carries other files"),
    Flag.ENCRYPTED: Kept("nobody but its owner can look into it"),
    Flag.EXECUTABLE: Kept("a program or script under an honest name; no preview", inline=False),
    Flag.JAR: Kept("a Java archive; no preview", inline=False),
    Flag.MACROS: Kept("an office document with programs in it", inline=False),
    Flag.MISMATCH: Kept("its name or claimed type says something else", inline=False),
    Flag.PDF_JS: Kept("a PDF that brings JavaScript", inline=False),
    Flag.TRAILING_DATA: Kept("bytes behind the end of a picture, as phones write them"),
    Flag.UNSCANNED: Kept("the virus scanner was to look at it, and did not"),
}
"""What is worth knowing about a file that is kept."""
