"""The options of ``serve`` for access, and the command that makes tokens."""

import re
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kedro_asgi.cli import main
from kedro_asgi.cli.access_options import is_loopback
from kedro_asgi.server.access.tokens import make_token, token_line
from serving import Process


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_loopback_is_this_machine_only(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "::ffff:192.0.2.1", "no-such-host.invalid"])
def test_other_addresses_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("name", ["serve", "demo"])
def test_no_server_is_open_to_others_by_mistake(tiny: Path, tmp_path: Path, command, name: str) -> None:
    target = tiny if name == "serve" else tmp_path / "demo"
    result = command(name, target, "--host", "0.0.0.0", "--port", "0")
    assert result.returncode == 1
    for option in ("--token-file", "--oidc-issuer", "KEDRO_SERVER_TOKENS", "--insecure"):
        assert option in result.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_tokens_that_cannot_be_read_end_serve_with_one_line(tiny: Path, command, tmp_path: Path, workers: str) -> None:
    (tmp_path / "tokens").write_bytes(b"\xff")
    result = command("serve", tiny, "--port", "0", "--workers", workers, "--token-file", tmp_path / "tokens")
    assert result.returncode == 1
    assert "tokens' cannot be read: 'utf-8' codec" in result.stderr
    assert "Traceback" not in result.stderr
    environ = {"KEDRO_SERVER_TOKENS": "zz"}
    result = command("serve", tiny, "--port", "0", "--workers", workers, environ=environ)
    assert result.stderr.startswith("Error: ServerSettingsError: Line 1 of KEDRO_SERVER_TOKENS is no token")


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--insecure"], []])
def test_the_server_says_in_a_line_whom_it_admits(tiny: Path, options: list[str]) -> None:
    host = ["--host", "0.0.0.0"] if options else []
    server = Process(["kedro_asgi", "serve", str(tiny), *host, *options], cwd=tiny, environ={}).wait_until_ready()
    try:
        expected = "every machine that reaches 0.0.0.0" if options else "all programs on this machine"
        assert f"access     {expected}" in server.log()
        assert httpx.get(f"{server.url}/runs").status_code == 200
        assert httpx.get(f"{server.url}/runs", headers={"Host": "evil.example"}).status_code == 400
    finally:
        server.close()


def test_a_token_of_the_command_line_opens_the_server(tiny: Path) -> None:
    file = tiny / "tokens"
    # As volumes of Kubernetes have it: the link leads to another file when the secret changes.
    file.symlink_to("first")
    made = CliRunner().invoke(main, ["token", "ci", "--scopes", "read", "-f", str(file)])
    token = re.search(r"kat_\S+", made.output)[0]
    assert token not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    arguments = ["kedro_asgi", "serve", str(tiny), "--host", "0.0.0.0", "--token-file", str(file), "--root-path", "/k"]
    server = Process(arguments, cwd=tiny, environ={}).wait_until_ready()
    try:
        assert f"callers with the tokens of '{file}'" in server.log()
        assert httpx.get(f"{server.url}/runs").status_code == 401
        headers = {"Authorization": f"Bearer {token}", "Host": "app.example.com"}
        assert httpx.get(f"{server.url}/runs", headers=headers).status_code == 200
        assert httpx.post(f"{server.url}/run", json={}, headers=headers).status_code == 403
        log = server.log_with("refused with 403")
        assert "'ci' from 127.0.0.1: POST /k/run: refused with 403" in log
        assert token not in log
    finally:
        server.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a b", "--scopes", "raed"], "there is no scope 'raed'"),
        (["ci", "--scopes", ""], "there is no scope ''"),
        (["a\nb"], "is no token"),
        ([" "], "its name is blank"),
        (["ci", "-f", "/nowhere/tokens"], "cannot be written"),
    ],
)
def test_a_wrong_token_is_refused(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["token", *arguments])
    assert result.exit_code == 1
    assert message in result.output
    assert "kat_" not in result.output


def test_a_name_is_given_once(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    for _ in range(2):
        result = CliRunner().invoke(main, ["token", "ci", "-f", str(file)])
    assert result.exit_code == 1
    assert "have the same name: 'ci'" in result.output
    assert len(file.read_text().splitlines()) == 1


def _certificate(folder: Path, name: str, *, signed_by: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None):
    """Write a certificate and its key, and return both."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, issuer_key = (subject, key) if signed_by is None else (signed_by[0].subject, signed_by[1])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
    builder = builder.not_valid_after(now + timedelta(hours=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=signed_by is None, path_length=None), critical=True)
    made = builder.sign(issuer_key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    password = serialization.BestAvailableEncryption(b"letmein") if name == "server" else serialization.NoEncryption()
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, password)
    (folder / f"{name}.key").write_bytes(text)
    return made, key


@pytest.mark.slow
def test_the_server_speaks_tls_and_asks_clients_for_certificates(tiny: Path, tmp_path: Path) -> None:
    authority = _certificate(tmp_path, "authority", signed_by=None)
    for name in ("server", "client"):
        _certificate(tmp_path, name, signed_by=authority)
    files = {"certfile": "server.pem", "keyfile": "server.key", "ca-certs": "authority.pem"}
    options = [part for name, file in files.items() for part in (f"--ssl-{name}", str(tmp_path / file))]
    environ = {"KEDRO_SERVER_SSL_KEYFILE_PASSWORD": "letmein"}
    server = Process(["kedro_asgi", "serve", str(tiny), *options], cwd=tiny, environ=environ)
    trust = ssl.create_default_context(cafile=tmp_path / "authority.pem")
    known = ssl.create_default_context(cafile=tmp_path / "authority.pem")
    known.load_cert_chain(tmp_path / "client.pem", tmp_path / "client.key")
    url = server.url.replace("http:", "https:")
    try:
        log = server.log_with("Uvicorn running on https")
        assert f"API        {url}" in log
        assert "letmein" not in log
        assert httpx.get(f"{url}/health", verify=known).status_code == 200
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{url}/health", verify=trust)
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{server.url}/health")
    finally:
        server.close()


@pytest.mark.slow
def test_only_proxies_that_are_named_are_believed(tiny: Path) -> None:
    arguments = ["kedro_asgi", "serve", str(tiny), "--forwarded-allow-ips", "192.0.2.1"]
    server = Process(arguments, cwd=tiny, environ={}).wait_until_ready()
    try:
        httpx.post(f"{server.url}/reload", headers={"X-Forwarded-For": "10.9.8.7", "Origin": "https://evil.example"})
        assert "'unknown' from 127.0.0.1: POST /reload: refused with 403" in server.log_with("refused with 403")
    finally:
        server.close()


def raw(server: Process, request: bytes) -> bytes:
    """Send bytes to a server, and return all that it answers."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        received = b""
        with suppress(ConnectionError):
            connection.sendall(request)
            while part := connection.recv(65536):
                received += part
        return received


@pytest.mark.slow
def test_odd_requests_get_past_no_check(tiny: Path) -> None:
    token = make_token()
    environ = {"KEDRO_SERVER_TOKENS": token_line("ci", token, ["read"]), "KEDRO_SERVER_ALLOWED_HOSTS": "local"}
    environ["KEDRO_SERVER_HEADER_TIMEOUT_SECONDS"] = "3"
    server = Process(["kedro_asgi", "serve", str(tiny)], cwd=tiny, environ=environ).wait_until_ready()
    good = f"Authorization: Bearer {token}\r\n".encode()
    try:
        line, host = b"GET /runs HTTP/1.1\r\n", b"Host: localhost\r\nConnection: close\r\n"
        assert b" 200 " in raw(server, line + host + good + b"\r\n")[:20]
        for request in (
            line + host + b"\r\n",
            line + host + good + good + b"\r\n",
            line + host + b"Authorization : Bearer " + token.encode() + b"\r\n\r\n",
            line + host + b"X: a\r\n " + good + b"\r\n",
            line + host + b"Authorization:\r\n Bearer " + token.encode() + b"\r\n\r\n",
            line + host + b"X: a\n" + b"Y: b\r\x00" + good + b"\r\n",
            line + b"Host: evil.example\r\nHost: localhost\r\nConnection: close\r\n" + good + b"\r\n",
            b"GET http://evil.example/runs HTTP/1.1\r\n"
            + b"Host: evil.example\r\nConnection: close\r\n"
            + good
            + b"\r\n",
            b"GET http://localhost/runs HTTP/1.1\r\n" + host + b"\r\n",
            line + host + b"Authorization: Bearer " + b"a" * 70_000 + b"\r\n\r\n",
            line + host + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 1000) for n in range(100)) + good + b"\r\n",
            b"GET /health HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"
            + host
            + b"\r\n0\r\n\r\nGET /runs",
        ):
            answers = [found[:3] for found in raw(server, request).split(b"HTTP/1.1 ")[1:]]
            shown = raw(server, request)
            assert b'"runs"' not in shown, request[:200]
            assert all(status in (b"200", b"400", b"401", b"431") for status in answers), (request[:200], answers)
        assert token not in server.log()
    finally:
        server.close()
