"""What stands here of others' making, and where each is from: libraries of the web app, the checker of its tests."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"

VENDORED = {
    "web/vendor/preact.js": (
        "preact 11.2.0, dist/preact.mjs",
        "bdcbd9abdf2c77c5c45326eab42191e949222d479d0d5f69467387a77040cb55",
    ),
    "web/vendor/preact-hooks.js": (
        "preact 11.2.0, hooks/dist/hooks.mjs",
        "e862ab2973aa6455eaa0f77c5d832d2157d6be59a17c8ba546550a575b58c6b4",
    ),
    "web/vendor/preact.LICENSE": ("preact 11.2.0, MIT", "1fe6958409c8c257a70c587a18b6f7f412b179b456630790d30b2ec9a8e4b7d4"),
    "web/vendor/htm.js": ("htm 3.1.1, dist/htm.mjs", "ab33dd3f38059b9be4d5f5350128eefb2356639c4e0bbe9d9e8b3ba75847e9e4"),
    "web/vendor/htm.LICENSE": ("htm 3.1.1, Apache-2.0", "740725f7252e750af735d0028cc534970772f513331e9f68150fede8fb3ce00f"),
    "web/vendor/preact-signals.js": (
        "@preact/signals 2.11.4, dist/signals.mjs",
        "ba8177597f45acaca4d05dcf3966b527d0a8264cfa2b0a87ace92dff324217f8",
    ),
    "web/vendor/preact-signals-core.js": (
        "@preact/signals-core 1.14.5, dist/signals-core.mjs",
        "0c80bc127d72ecb1496ef116ffddae75079829a3af01e7f417c8e5a6474c68b6",
    ),
    "web/vendor/preact-signals.LICENSE": (
        "@preact/signals and signals-core, MIT",
        "a11fc89e4c6b118854c7a667734a0b2e6bf2af5e45c6686de31adbccc8f3ae8d",
    ),
    "tests/web/vendor/axe-4.14.1.min.js": (
        "axe-core 4.14.1, axe.min.js",
        "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c",
    ),
    "tests/web/vendor/axe.LICENSE": (
        "axe-core 4.14.1, MPL-2.0",
        "af175b9d96ee93c21a036152e1b905b0b95304d4ae8c2c921c7609100ba8df7e",
    ),
    "tests/web/vendor/axe.LICENSE-3RD-PARTY": (
        "axe-core 4.14.1, what it holds of others",
        "4f8563870d0fca38bbc3e00b6f670cb7fa9f380ba9f26a7f7d1184a6b18b1653",
    ),
}
"""Path to (what it is, SHA-256)."""
