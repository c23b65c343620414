"""Facts that files publishes about jobs: long work that somebody asked for and that is done in the background."""

from typing import ClassVar

from coffer_contracts.event import Event, Moment, described
from coffer_contracts.ids import ItemId, JobId, UserId


class JobFinishedV1(Event):
    """A job has come to its end: it succeeded, failed or was cancelled. What it did until then stays done."""

    type: ClassVar[str] = "files.job.finished.v1"

    job_id: JobId = described(description="The job.")
    kind: str = described(description="What was to be done, e.g. `copy`, `empty_trash`; more may come.", max_length=100)
    owner_id: UserId = described(description="Whose drive it was about.")
    asked_by: UserId = described(description="Who asked for it.")
    state: str = described(description="How it ended: `succeeded`, `failed` or `cancelled`.", max_length=100)
    done_count: int = described(description="How many items it dealt with.", ge=0)
    size_bytes: int = described(description="How many bytes of content these had.", ge=0)
    reason: str | None = described(None, description="Why it failed: the code of a problem, e.g. `quota_exceeded`.")
    detail: str | None = described(None, description="The reason in a sentence.")
    made_id: ItemId | None = described(None, description="The item that it made, e.g. the folder that is the copy.")
    created_at: Moment = described(description="When it was asked for.")
    ended_at: Moment = described(description="When it ended.")

    @property
    def subject(self) -> str:
        return f"job/{self.job_id}"
