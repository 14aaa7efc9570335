"""Pages of a server that asks for tokens, and pages of other sites that attack it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from chromium import FLAGS, chromium_path
from playwright.sync_api import Browser, Page, expect
from project_server import Served, serve_project
from watched_pages import WatchedPages

from kedro_asgi.server.access.tokens import make_token, token_line
from serving import until

pytestmark = pytest.mark.slow

TOKEN = make_token()
READER = make_token()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with tokens that all tests of this file use."""
    folder = tmp_path_factory.mktemp("guarded")
    file = folder / "tokens"
    lines = [token_line("ann", TOKEN, ["read", "run", "cancel"]), token_line("bob", READER, ["read"])]
    file.write_text("\n".join(lines))
    with serve_project(folder, "--token-file", file) as served:
        served.http.headers["Authorization"] = f"Bearer {TOKEN}"
        yield served


def log_in(page: Page, token: str = TOKEN) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Log in").click()


def test_the_dashboard_asks_for_a_token_and_keeps_it_out_of_addresses(guarded: Served, pages: WatchedPages) -> None:
    pages.expected_statuses = {401}
    page = pages.open(f"{guarded.dashboard}#/runs")
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    log_in(page, "nope")
    expect(page.get_by_text("The token is not known.")).to_be_visible()
    log_in(page)
    expect(page.get_by_text("Live")).to_be_visible()
    run_id = guarded.submit("held", params={"gate": "logged_in"})
    page.evaluate("(hash) => (location.hash = hash)", f"#/runs/{run_id}")
    expect(page.get_by_text("running").first).to_be_visible()
    expect(page.get_by_text("Live")).to_be_visible()
    guarded.open_gate("logged_in")
    expect(page.get_by_text("success").first).to_be_visible()
    assert any("/events" in address for address in addresses)
    assert not [address for address in addresses if TOKEN in address]
    assert TOKEN not in page.url
    assert page.evaluate("Object.keys(localStorage).length + document.cookie.length") == 0
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0


def test_files_are_fetched_with_the_token(guarded: Served, pages: WatchedPages) -> None:
    pages.expected_statuses = {401}
    run_id = guarded.submit("quick", params={"gate": "files"}, outputs=["told"])
    guarded.wait(run_id)
    page = pages.open(f"{guarded.dashboard}#/project/quick")
    log_in(page)
    with page.expect_download() as saved:
        page.get_by_role("link", name="SVG").click()
    assert Path(saved.value.path()).read_text().startswith("<svg")


def test_a_caller_without_a_scope_is_told_so(guarded: Served, pages: WatchedPages) -> None:
    pages.expected_statuses = {401, 403}
    page = pages.open(f"{guarded.dashboard}#/start/quick")
    log_in(page, READER)
    page.get_by_label("gate").fill("reader")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_text("'bob' does not have the scope 'run'.")).to_be_visible()


def test_the_docs_work_with_a_token(guarded: Served, pages: WatchedPages) -> None:
    pages.expected_statuses = {401}
    page = pages.open(f"{guarded.url}/docs/")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    operation = page.locator(".opblock", has=page.locator("[data-path='/runs']")).last
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Try it out").click()
    with page.expect_response("**/runs*") as answer:
        operation.get_by_role("button", name="Execute").click()
    assert answer.value.status in (200, 202, 422)


ATTACKS = """
async ([server]) => {
  const answers = [];
  const attack = async (path, options) => {
    const answer = await fetch(server + path, { mode: "no-cors", method: "POST", ...options }).catch(String);
    answers.push(typeof answer === "string" ? answer : answer.type);
  };
  await attack("/run", { body: new Blob(['{"pipeline_names": ["quick"]}']) });
  await attack("/runs", { body: new Blob(['{"pipeline_names": ["quick"]}']) });
  await attack("/runs", { body: '{"pipeline_names": ["quick"]}', headers: { "Content-Type": "text/plain" } });
  await attack("/pipelines/quick/run", { body: "" });
  await attack("/reload", {});
  await attack("/reload", { credentials: "include", keepalive: true });
  navigator.sendBeacon(server + "/reload");
  const form = document.createElement("form");
  Object.assign(form, { method: "POST", action: server + "/reload", target: "x" });
  document.body.append(Object.assign(document.createElement("iframe"), { name: "x" }), form);
  form.submit();
  const read = await fetch(server + "/runs").then((answer) => answer.text()).catch(() => "unreadable");
  return [...answers, read];
}
"""


@pytest.fixture(scope="module")
def evil() -> Iterator[int]:
    """A site with an empty page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><link rel=icon href=data:,><title>evil</title>")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_page_of_another_site_can_do_nothing(served: Served, pages: WatchedPages, evil: int) -> None:
    pages.expected_statuses = {403}
    pages.expected_texts = ["CORS policy", "net::ERR_FAILED", "ERR_BLOCKED", "frame"]
    page = pages.open(f"http://127.0.0.1:{evil}/")
    results = page.evaluate(ATTACKS, [served.url])
    assert results[-1] == "unreadable"
    assert served.http.get("/runs").json()["runs"] == []
    # The beacon and the form have no answer that the page could wait for.
    until(lambda: served.process.log().count("refused with 403") >= 8)
    assert '"POST /reload HTTP/1.1" 200' not in served.process.log()


def test_a_site_that_takes_the_servers_address_reads_nothing(browser: Browser, served: Served, evil: int) -> None:
    """DNS rebinding: the name of the site leads to this machine, so the browser takes both for one site."""
    with httpx.Client(base_url=served.url, headers={"Host": f"evil.example:{served.process.port}"}) as http:
        assert http.get("/runs").status_code == 400
    rules = "--host-resolver-rules=MAP evil.example 127.0.0.1"
    rebound = browser.browser_type.launch(executable_path=chromium_path(), args=[*FLAGS[:-1], rules])
    try:
        page = rebound.new_page()
        page.goto(f"http://evil.example:{served.process.port}/runs")
        assert "does not answer to the host" in page.content()
        text = page.evaluate("fetch('/runs', {method: 'POST', body: '{}'}).then((answer) => answer.text())")
        assert "forbidden-host" in text
    finally:
        rebound.close()
