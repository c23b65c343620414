"""What a token can be allowed to do: the scopes that routes demand of personal access tokens, in the words of the documents."""

from collections.abc import Mapping

SCOPES: Mapping[str, str] = {
    "files:read": "See and download items, their shares and their uploads.",
    "files:write": "Make, change, upload, trash and remove items.",
    "shares:write": "Give others access, change it and take it back.",
    "account:read": "See the account and its settings.",
    "account:write": "Change the profile; never passwords, second factors or tokens.",
    "events:read": "See notifications, activity and the live stream.",
    "webhooks:write": "Set up webhooks.",
    "admin:read": "Operators only: see what the installation does.",
    "admin:write": "Operators only: act on the installation and on accounts.",
}

ADMIN_READ = "admin:read"
ADMIN_WRITE = "admin:write"
ADMIN_SCOPES = frozenset({ADMIN_READ, ADMIN_WRITE})
USER_SCOPES = frozenset(SCOPES) - ADMIN_SCOPES
