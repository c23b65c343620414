"""For tests of jobs: whoever works on them works for everybody, so they begin where nothing is left to do."""

from sqlalchemy import text

from factories.files import Files


async def nothing_to_do(files: Files) -> None:
    """Forget the jobs that other tests on the same store left, and what they told."""
    async with files.engine.begin() as connection:
        await connection.execute(text("TRUNCATE jobs, outbox CASCADE"))
