"""Tokens of an issuer, which is a real server on this machine."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.authentication import AuthenticationError

from kedro_asgi.errors import ServerSettingsError
from kedro_asgi.server.access.issuer_keys import IssuerKeys
from kedro_asgi.server.access.issuer_tokens import IssuerTokens
from kedro_asgi.server.access.refusals import IssuerUnavailableError
from kedro_asgi.server.access.tokens import make_token, token_line

pytestmark = pytest.mark.anyio

AUDIENCE = "kedro"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


class Issuer:
    """An issuer with keys; counts how often they and its description were fetched."""

    def __init__(self) -> None:
        self.fetched = 0
        self.described = 0
        self.answers: dict[str, Any] = {}
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = issuer.answers.get(self.path)
                issuer.fetched += self.path == "/keys"
                issuer.described += self.path != "/keys"
                if isinstance(answer, bytes):
                    self.wfile.write(answer)
                    return
                if isinstance(answer, str):
                    self.send_response(302)
                    self.send_header("Location", answer)
                    self.end_headers()
                    return
                self.send_response(500 if answer is None else 200)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.answers["/.well-known/openid-configuration"] = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.publish(one=RSA_KEY)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def publish(self, **keys: Any) -> None:
        self.answers["/keys"] = {"keys": [_public(name, key) for name, key in keys.items()]}

    def token(self, *, key: Any = RSA_KEY, kid: str | None = "one", algorithm: str = "RS256", **claims: Any) -> str:
        made = {"iss": self.url, "aud": AUDIENCE, "sub": "ann", "exp": time.time() + 60, "scope": "read", **claims}
        headers = {} if kid is None else {"kid": kid}
        given = {name: value for name, value in made.items() if value is not None}
        return jwt.encode(given, key, algorithm=algorithm, headers=headers)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _public(name: str, key: Any) -> dict[str, Any]:
    kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": name, "use": "sig"}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.close()


def tokens_of(issuer: Issuer, **options: Any) -> IssuerTokens:
    keys = IssuerKeys(issuer.url, least_seconds=0)
    defaults = {"audience": AUDIENCE, "algorithms": ["RS256", "ES256"], "scope_claim": "scope", "keys": keys}
    return IssuerTokens(issuer.url, **{**defaults, **options})


async def test_a_token_of_the_issuer_opens_the_server(issuer: Issuer, tiny: Path, serve) -> None:
    mine = make_token()
    options = {"oidc_issuer": issuer.url, "oidc_audience": AUDIENCE, "tokens": token_line("ci", mine, ["read"])}
    async with serve(tiny, store="memory:", **options) as http:
        for token, status in ((issuer.token(), 200), (issuer.token(aud="other"), 401), (mine, 200), ("a.b.c", 401)):
            answer = await http.get("/runs", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == status, answer.text
        reader = await http.post("/run", json={}, headers={"Authorization": f"Bearer {issuer.token()}"})
        assert (reader.status_code, reader.json()["detail"]) == (403, "'ann' does not have the scope 'run'.")
        limited = {"Authorization": f"Bearer {issuer.token(scope='run pipeline:nope')}"}
        assert (await http.post("/run", json={}, headers=limited)).status_code == 403
    assert issuer.fetched == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "other"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"nbf": 10**10},
        {"sub": None},
        {"kid": "two"},
        {"key": rsa.generate_private_key(public_exponent=65537, key_size=2048)},
        {"key": EC_KEY, "algorithm": "ES256"},
        {"algorithm": "RS512"},
        {"key": "x" * 64, "algorithm": "HS256"},
        {"key": "", "algorithm": "none"},
    ],
)
async def test_other_tokens_are_refused(issuer: Issuer, claims: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationError, match="The token is not valid"):
        await tokens_of(issuer).find(issuer.token(**claims))


async def test_a_public_key_is_no_secret(issuer: Issuer) -> None:
    """A token that is signed by HMAC with the public key, which everybody knows."""
    pem = RSA_KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    header, claims = (_encoded(part) for part in ({"alg": "HS256", "kid": "one"}, {"sub": "x", "aud": AUDIENCE}))
    signed = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(header + b"." + claims, pem)
    token = b".".join([header, claims, jwt.utils.base64url_encode(signed)]).decode()
    with pytest.raises(AuthenticationError, match="its algorithm is not allowed"):
        await tokens_of(issuer).find(token)


def _encoded(part: dict[str, Any]) -> bytes:
    return jwt.utils.base64url_encode(json.dumps(part).encode())


async def test_a_token_cannot_name_the_place_of_its_key(issuer: Issuer) -> None:
    other = Issuer()
    try:
        mallory = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        other.publish(one=mallory)
        headers = {"kid": "one", "jku": f"{other.url}/keys", "x5u": f"{other.url}/keys", "jwk": _public("one", mallory)}
        claims = {"iss": issuer.url, "aud": AUDIENCE, "sub": "x", "exp": time.time() + 60, "scope": "admin"}
        with pytest.raises(AuthenticationError):
            await tokens_of(issuer).find(jwt.encode(claims, mallory, algorithm="RS256", headers=headers))
        assert other.fetched == 0
    finally:
        other.close()


async def test_new_keys_are_fetched_when_a_token_names_one(issuer: Issuer) -> None:
    tokens = tokens_of(issuer)
    assert (await tokens.find(issuer.token())).name == "ann"
    issuer.publish(one=RSA_KEY, two=EC_KEY)
    assert (await tokens.find(issuer.token(key=EC_KEY, kid="two", algorithm="ES256"))).name == "ann"
    assert issuer.fetched == 2
    issuer.publish(two=EC_KEY)
    with pytest.raises(AuthenticationError):
        await tokens.find(issuer.token(kid="three"))
    with pytest.raises(AuthenticationError, match="does not have its key"):
        await tokens.find(issuer.token(sub="bob"))


async def test_tokens_with_unknown_keys_do_not_flood_the_issuer(issuer: Issuer) -> None:
    tokens = tokens_of(issuer, keys=IssuerKeys(issuer.url))
    for number in range(20):
        with pytest.raises(AuthenticationError):
            await tokens.find(issuer.token(kid=f"k{number}"))
    assert issuer.fetched == 1


async def test_the_only_key_needs_no_name(issuer: Issuer) -> None:
    assert (await tokens_of(issuer).find(issuer.token(kid=None))).name == "ann"


async def test_an_issuer_that_does_not_answer_is_no_reason_to_let_anybody_in(issuer: Issuer, tiny: Path, serve) -> None:
    described = issuer.answers.pop("/.well-known/openid-configuration")
    options = {"oidc_issuer": issuer.url, "oidc_audience": AUDIENCE}
    async with serve(tiny, store="memory:", **options) as http:
        headers = {"Authorization": f"Bearer {issuer.token()}"}
        answer = await http.get("/runs", headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:kedro-asgi:problem:issuer-unavailable")
        assert (await http.get("/health", headers=headers)).status_code == 200
        issuer.answers["/.well-known/openid-configuration"] = described
        # It is not asked again at once.
        while (answer := await http.get("/runs", headers=headers)).status_code == 503:
            await anyio.sleep(0.05)
        assert answer.status_code == 200


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"])
async def test_an_issuer_that_answers_nonsense_is_not_available(issuer: Issuer, answer: bytes) -> None:
    issuer.answers["/.well-known/openid-configuration"] = answer
    with pytest.raises(IssuerUnavailableError):
        await IssuerKeys(issuer.url).find("one")


async def test_the_log_quotes_no_credentials_of_an_answer_that_is_no_http(issuer: Issuer, caplog) -> None:
    # They are cut where a long line is.
    answer = b"x" * 468 + b" https://me:pa55word@host/\r\n"
    issuer.answers["/.well-known/openid-configuration"] = answer
    with pytest.raises(IssuerUnavailableError):
        await IssuerKeys(issuer.url).find("one")
    assert "BadStatusLine: xxx" in caplog.text
    assert "pa55" not in caplog.text


async def test_callers_do_not_wait_one_after_another_for_an_issuer_without_an_answer(issuer: Issuer) -> None:
    issuer.answers.clear()
    keys = IssuerKeys(issuer.url)
    refused = []

    async def ask() -> None:
        with pytest.raises(IssuerUnavailableError):
            await keys.find("one")
        refused.append(1)

    async with anyio.create_task_group() as callers:
        for _ in range(10):
            callers.start_soon(ask)
    assert (len(refused), issuer.described) == (10, 1)


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://id.example.com", "jwks_uri": "{url}/keys"},
        {"jwks_uri": "{url}/keys"},
        {"issuer": "{url}", "jwks_uri": "http://id.example.com/keys"},
        {"issuer": "{url}", "jwks_uri": "file:///etc/passwd"},
        {"issuer": "{url}"},
        [],
        "{url}/moved",
    ],
)
async def test_a_description_that_cannot_be_trusted_is_refused(issuer: Issuer, described: Any) -> None:
    text = json.dumps(described).replace("{url}", issuer.url)
    issuer.answers["/moved"] = issuer.answers["/.well-known/openid-configuration"]
    issuer.answers["/.well-known/openid-configuration"] = json.loads(text)
    with pytest.raises(IssuerUnavailableError):
        await tokens_of(issuer).find(issuer.token())


@pytest.mark.parametrize(
    ("name", "claims", "scopes"),
    [
        ("scope", {"scope": "openid read run"}, {"read", "run"}),
        ("scp", {"scope": "admin", "scp": ["read", 7, "cancel"]}, {"read", "cancel"}),
        ("realm_access.roles", {"realm_access": {"roles": ["read"]}}, {"read"}),
        ("https://x.example/roles", {"https://x.example/roles": ["run"]}, {"run"}),
        ("scope", {"scope": None}, set()),
        ("scope", {"scope": {"read": True}}, set()),
        ("scope.x", {"scope": "read"}, set()),
    ],
)
async def test_a_claim_holds_the_scopes(issuer: Issuer, name: str, claims: dict[str, Any], scopes: set[str]) -> None:
    caller = await tokens_of(issuer, scope_claim=name).find(issuer.token(**claims))
    assert caller.scopes == scopes


async def test_a_token_is_known_until_it_expires(issuer: Issuer) -> None:
    tokens = tokens_of(issuer)
    token = issuer.token()
    first = await tokens.find(token)
    assert await tokens.find(token) is first


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"oidc_issuer": "http://id.example.com"}, "must be reached by https"),
        ({"oidc_issuer": "id.example.com"}, "is no issuer"),
        ({"oidc_issuer": "https://user:secret@id.example.com"}, "is no issuer"),
        ({"oidc_algorithms": ["HS256"]}, "is no algorithm with a public key"),
        ({"oidc_algorithms": ["none"]}, "is no algorithm with a public key"),
    ],
)
def test_wrong_settings_are_refused(tiny: Path, serve, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ServerSettingsError, match=message) as caught:
        serve(tiny, **{"oidc_issuer": "https://id.example.com", "oidc_audience": AUDIENCE, **options})
    assert "secret" not in str(caught.value)
