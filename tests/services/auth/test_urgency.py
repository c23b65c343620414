"""Ends of sessions and tokens go out before everything else; nothing else that auth tells does."""

import pytest
from sqlalchemy import text

from coffer_auth.handlers import access_tokens, sessions
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.devices import sign_out_device
from coffer_chassis.testing import FixedClock
from coffer_contracts.problems import Unauthenticated
from factories.accounts import HOME, origin
from factories.factors import asker_of, token_of
from factories.signed_in import again, signed_in

ENDED = ("auth.session.revoked.v1", "auth.token.revoked.v1")


async def test_ends_of_sessions_and_tokens_are_urgent_and_nothing_else_is(deps: Deps, clock: FixedClock) -> None:
    ada = await signed_in(deps)
    phone, tablet = await again(deps, ada.user), await again(deps, ada.user)
    await sign_out_device(ada.principal, phone.pair.session.id, HOME, origin(), deps)
    asker = asker_of(ada.pair)
    token = await token_of(deps, asker)
    await access_tokens.revoke(token.id, asker, deps)
    await sessions.refresh(tablet.pair.refresh_token, HOME, origin(), deps)
    clock.advance(seconds=11)
    with pytest.raises(Unauthenticated):
        await sessions.refresh(tablet.pair.refresh_token, HOME, origin(), deps)
    await sessions.logout(ada.principal, origin(), deps, everywhere=True)
    async with deps.work.read() as connection:
        told = (await connection.execute(text("SELECT type, subject, urgent FROM outbox"))).all()
    subjects = [f"session/{one.pair.session.id}" for one in (ada, phone, tablet)] + [f"token/{token.id}"]
    assert {row.subject for row in told if row.urgent} == set(subjects)
    assert {row.type for row in told} > set(ENDED)
    assert all(row.urgent == (row.type in ENDED) for row in told)
