"""The evidence of a request: tokens, passwords and signatures, by the vectors that senders publish."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest
from amounts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout_spec.core.errors import UserError
from rollout_spec.integrations.monitors.authentication import (
    STYLES,
    Auth,
    BasicAuth,
    BearerAuth,
    HmacAuth,
    RefusedError,
    Request,
    authenticate,
)

NOW = datetime(2026, 11, 20, 10, 16, tzinfo=UTC)
BODY = b'{"alerts": []}'


def accepts(auth: Auth, headers: dict[str, str], content: bytes = BODY, now: datetime = NOW) -> bool:
    try:
        authenticate(Request(content, headers), auth, now)
    except RefusedError:
        return False
    return True


def basic(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


def signature(key: str, text: bytes) -> str:
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({"Authorization": "Bearer new"}, True),
        ({"authorization": "bearer old"}, True),
        ({"AUTHORIZATION": "Bearer  new "}, True),
        ({"Authorization": "Bearer newer"}, False),
        ({"Authorization": "Bearer ne"}, False),
        ({"Authorization": "Basic new"}, False),
        ({"Authorization": "new"}, False),
        ({"Authorization": "Bearer"}, False),
        ({"Authorization": "Bearer "}, False),
        ({"Authorization": "Bearer \ud800"}, False),
        ({}, False),
    ],
)
def test_a_bearer_token_is_one_of_two(headers: dict[str, str], accepted: bool) -> None:
    assert accepts(BearerAuth(("new", "old")), headers) == accepted


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        (basic("am:new"), True),
        (basic("am:old:with:colons"), True),
        (basic("am:"), False),
        (basic("am"), False),
        (basic(":new"), False),
        (basic("AM:new"), False),
        (basic("other:new"), False),
        ({"Authorization": "Basic !!!"}, False),
        ({"Authorization": "Basic é"}, False),
        ({"Authorization": f"Bearer {base64.b64encode(b'am:new').decode()}"}, False),
        ({}, False),
    ],
)
def test_a_password_is_one_of_two_of_one_user(headers: dict[str, str], accepted: bool) -> None:
    assert accepts(BasicAuth("am", ("new", "old:with:colons")), headers) == accepted


@pytest.mark.parametrize("secret", ["", " ", "\n"])
def test_an_empty_secret_never_matches(secret: str) -> None:
    assert not accepts(BearerAuth((secret,)), {"Authorization": f"Bearer {secret}"})
    assert not accepts(BearerAuth(()), {"Authorization": "Bearer x"})
    assert not accepts(BasicAuth("am", (secret,)), basic(f"am:{secret}"))
    assert not accepts(HmacAuth((secret,)), {"X-Hub-Signature-256": f"sha256={signature(secret, BODY)}"})
    assert not accepts(HmacAuth((secret,), "grafana"), {"X-Grafana-Alerting-Signature": signature(secret, BODY)})


def test_github_publishes_a_vector() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries"""
    auth = HmacAuth(("It's a Secret to Everybody",))
    digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert accepts(auth, {"X-Hub-Signature-256": f"sha256={digest}"}, b"Hello, World!")
    assert not accepts(auth, {"X-Hub-Signature-256": f"sha256={digest}"}, b"Hello, World")
    assert not accepts(auth, {"X-Hub-Signature-256": digest}, b"Hello, World!")
    assert not accepts(auth, {"X-Hub-Signature": f"sha1={digest}"}, b"Hello, World!")


STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STANDARD_BODY = b'{"test": 2432232314}'
STANDARD_HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
STANDARD_NOW = datetime.fromtimestamp(1614265330, UTC)


@pytest.mark.parametrize(
    ("changes", "minutes", "accepted"),
    [
        ({}, 0, True),
        ({}, 5, True),
        ({}, -5, True),
        ({}, 5.1, False),
        ({}, -5.1, False),
        ({"webhook-id": "msg_other"}, 0, False),
        ({"webhook-timestamp": "1614265331"}, 0, False),
        ({"webhook-timestamp": ""}, 0, False),
        ({"webhook-signature": f"v1,AAAA v2,x {STANDARD_HEADERS['webhook-signature']}"}, 0, True),
        ({"webhook-signature": STANDARD_HEADERS["webhook-signature"].replace("v1,", "v1a,")}, 0, False),
        ({"webhook-signature": " ".join(["v1,AAAA"] * 20 + [STANDARD_HEADERS["webhook-signature"]])}, 0, False),
        ({"webhook-signature": ""}, 0, False),
    ],
)
def test_standard_webhooks_publishes_a_vector(changes: dict[str, str], minutes: float, accepted: bool) -> None:
    """https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"""
    now = STANDARD_NOW + timedelta(minutes=minutes)
    auth = HmacAuth(("whsec_b3RoZXI=", STANDARD), "standard-webhooks")
    assert accepts(auth, {**STANDARD_HEADERS, **changes}, STANDARD_BODY, now) == accepted


def test_a_key_of_standard_webhooks_may_lack_its_prefix_and_must_be_base64() -> None:
    auth = HmacAuth((STANDARD.removeprefix("whsec_"),), "standard-webhooks")
    assert accepts(auth, STANDARD_HEADERS, STANDARD_BODY, STANDARD_NOW)
    with pytest.raises(UserError, match="not base64") as caught:
        authenticate(Request(BODY, {}), HmacAuth(("secret!",), "standard-webhooks"), NOW)
    assert "secret!" not in f"{caught.value.message}{caught.value.hint}"
    assert not isinstance(caught.value, RefusedError)


def test_pagerduty_signs_with_two_keys_while_they_change() -> None:
    """https://developer.pagerduty.com/docs/verifying-webhook-signatures"""
    auth = HmacAuth(("new",), "pagerduty")
    ours, other = f"v1={signature('new', BODY)}", f"v1={signature('other', BODY)}"
    assert accepts(auth, {"X-PagerDuty-Signature": ours})
    assert accepts(auth, {"x-pagerduty-signature": f"{other},{ours}"})
    assert not accepts(auth, {"x-pagerduty-signature": other})
    assert not accepts(auth, {"x-pagerduty-signature": ours.replace("v1=", "v2=")})
    assert not accepts(auth, {"x-pagerduty-signature": ours}, BODY + b" ")


@pytest.mark.parametrize("name", ["X-Grafana-Alerting-Signature-Timestamp", "X-Grafana-Alerting-Timestamp"])
def test_grafana_may_sign_a_time(name: str) -> None:
    auth = HmacAuth(("key",), "grafana")
    seconds = str(int(NOW.timestamp()))
    signed = {"X-Grafana-Alerting-Signature": signature("key", seconds.encode() + b":" + BODY), name: seconds}
    assert accepts(auth, signed)
    assert not accepts(auth, signed, now=NOW + timedelta(minutes=6))
    assert not accepts(auth, {**signed, name: str(int(seconds) + 1)})
    assert not accepts(auth, {"X-Grafana-Alerting-Signature": signed["X-Grafana-Alerting-Signature"]})
    assert accepts(auth, {"X-Grafana-Alerting-Signature": signature("key", BODY)}, now=NOW + timedelta(days=1))
    odd = "9" * 12
    far = {"X-Grafana-Alerting-Signature": signature("key", odd.encode() + b":" + BODY), name: odd}
    assert not accepts(auth, far)


def test_an_unknown_style_is_an_error_of_the_settings() -> None:
    with pytest.raises(UserError, match="unknown style") as caught:
        authenticate(Request(BODY, {}), HmacAuth(("key",), "svix"), NOW)
    assert not isinstance(caught.value, RefusedError)


def test_no_secret_is_in_a_printed_form() -> None:
    assert "s3cret" not in repr([BearerAuth(("s3cret",)), BasicAuth("u", ("s3cret",)), HmacAuth(("s3cret",))])


words = st.text(max_size=40)
NAMES = (
    "authorization", "x-hub-signature-256", "x-grafana-alerting-signature", "x-pagerduty-signature", "webhook-id",
    "webhook-timestamp", "webhook-signature", "x-grafana-alerting-timestamp",
)  # fmt: skip


@settings(max_examples=examples(400), deadline=None, database=None, derandomize=True)
@given(
    st.dictionaries(st.sampled_from(NAMES), words | st.sampled_from(["Bearer x", "Basic eDp5", "v1,AAAA", "v1=00"])),
    st.binary(max_size=50),
)
def test_nothing_but_the_secret_is_accepted(headers: dict[str, str], content: bytes) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    auths: list[Auth] = [BearerAuth((secret,)), BasicAuth("u", (secret,)), *(HmacAuth((secret,), s) for s in STYLES)]
    assert not any(accepts(auth, headers, content) for auth in auths)


def test_a_known_user_takes_no_longer_than_an_unknown_one() -> None:
    """Both hash all passwords. The bound is wide: this machine is shared."""
    auth = BasicAuth("am", tuple(f"password-{number}" for number in range(500)))
    cost: dict[str, list[float]] = {"am": [], "xx": []}
    for _ in range(15):
        for user, times in cost.items():
            start = time.process_time()
            accepts(auth, basic(f"{user}:no"))
            times.append(time.process_time() - start)
    assert median(cost["am"]) < 2 * median(cost["xx"]) < 4 * median(cost["am"])
