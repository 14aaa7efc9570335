"""The options of ``serve`` for access, and the command that makes tokens."""

import re
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from kedro_asgi.cli import main
from kedro_asgi.cli.access_options import is_loopback
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
