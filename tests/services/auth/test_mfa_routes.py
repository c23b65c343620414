"""Second factors over real HTTP: what is answered, in which shape, and to whom not."""

import httpx

from coffer_auth.handlers.deps import Deps
from coffer_chassis.testing import FixedClock
from factories.accounts import PASSWORD, registered
from factories.factors import App


async def login(http: httpx.AsyncClient, username: str) -> httpx.Response:
    return await http.post("/v1/auth/login", json={"login": username, "password": PASSWORD})


async def test_the_whole_life_of_a_second_factor(http: httpx.AsyncClient, deps: Deps, clock: FixedClock) -> None:
    user = await registered(deps)
    session = (await login(http, user.username)).json()["access_token"]
    http.headers["Authorization"] = f"Bearer {session}"
    begun = await http.post("/v1/me/mfa/totp", json={"password": PASSWORD})
    assert begun.status_code == 201, begun.text
    assert begun.headers["cache-control"] == "no-store"
    made = begun.json()
    assert made["otpauth_uri"].startswith(f"otpauth://totp/Coffer:{user.username}?secret={made['secret']}&issuer=Coffer")
    assert made["qr_svg"].startswith("<svg ")
    assert "<script" not in made["qr_svg"]
    app = App(made["secret"], clock)
    assert (await http.get("/v1/me/mfa")).json()["totp_enabled"] is False
    confirmed = await http.post("/v1/me/mfa/totp/confirm", json={"code": app.code(-1)})
    assert confirmed.status_code == 200, confirmed.text
    assert confirmed.headers["cache-control"] == "no-store"
    recovery = confirmed.json()["recovery_codes"]
    assert len(recovery) == 10
    asked = await login(http, user.username)
    assert (asked.status_code, asked.json()["code"]) == (401, "mfa_required")
    token = asked.json()["mfa_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    for path in ("/v1/me", "/v1/auth/verify", "/v1/me/mfa"):
        assert (await http.get(path, headers=bearer)).status_code == 401
    for body in ({}, {"code": app.code(), "recovery_code": recovery[0]}):
        assert (await http.post("/v1/auth/login/mfa", json={"mfa_token": token} | body)).status_code == 422
    wrong = await http.post("/v1/auth/login/mfa", json={"mfa_token": token, "code": app.wrong()})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "mfa_invalid")
    done = await http.post("/v1/auth/login/mfa", json={"mfa_token": token, "code": f" {app.code()[:3]} {app.code()[3:]}"})
    assert done.status_code == 200, done.text
    assert done.json()["user"]["username"] == user.username
    clock.advance(minutes=16)
    refused = await http.post("/v1/me/mfa/recovery-codes", json={"code": app.code()})
    assert (refused.status_code, refused.json()["code"]) == (401, "token_expired")
    fresh = (await http.post("/v1/auth/refresh", json={"refresh_token": done.json()["refresh_token"]})).json()
    http.headers["Authorization"] = f"Bearer {fresh['access_token']}"
    refused = await http.post("/v1/me/mfa/recovery-codes", json={"code": app.code()})
    assert (refused.status_code, refused.json()["code"]) == (403, "step_up_required")
    assert refused.json()["methods"] == ["password", "totp", "recovery_code"]
    proved = await http.post("/v1/auth/step-up", json={"password": PASSWORD, "code": app.code()})
    assert proved.status_code == 200, proved.text
    clock.advance(seconds=30)
    rotated = await http.post("/v1/me/mfa/recovery-codes", json={"code": app.code()})
    assert rotated.status_code == 200, rotated.text
    body = {"password": PASSWORD, "recovery_code": rotated.json()["recovery_codes"][0]}
    assert (await http.request("DELETE", "/v1/me/mfa/totp", json=body)).status_code == 204
    assert (await http.request("DELETE", "/v1/me/mfa/totp", json=body)).status_code == 404
    assert (await login(http, user.username)).status_code == 200
