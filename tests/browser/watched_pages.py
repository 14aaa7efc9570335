"""Pages of one browser context, and all that went wrong in them."""

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

# A page cannot see a violation of its policy that happens before its own scripts run, so this one runs first.
_REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy: ${event.violatedDirective} blocked ${event.blockedURI || "inline"} (${event.sourceFile})`));
"""
_OWN_SCHEMES = ("data", "blob", "about")
_FAILED_STATUS = "Failed to load resource: the server responded with a status of "


class WatchedPages:
    """The pages of ``context``: collects errors of the console and of scripts, and requests to other hosts.

    ``problems`` is empty as long as nothing is wrong. Chromium logs every response of 400 and above as an error of the
    console; a test that causes one names its status in ``expected_statuses``, and a part of any other text that it
    causes in ``expected_texts``.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.problems: list[str] = []
        self.expected_statuses: set[int] = set()
        self.expected_texts: list[str] = []
        self._context = context
        context.add_init_script(_REPORT_VIOLATIONS)
        context.on("console", self._check_message)
        context.on("weberror", lambda error: self.problems.append(f"script: {error.error}"))
        context.on("request", self._check_request)

    def open(self, url: str = "about:blank") -> Page:
        """Open ``url`` in a new page."""
        page = self._context.new_page()
        page.set_default_timeout(60_000)
        page.goto(url)
        return page

    def _check_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not self._is_expected(message.text):
            self.problems.append(f"console: {message.text} ({message.location.get('url')})")

    def _is_expected(self, text: str) -> bool:
        status = text.removeprefix(_FAILED_STATUS)[:3]
        is_expected_status = text.startswith(_FAILED_STATUS) and int(status) in self.expected_statuses
        return is_expected_status or any(expected in text for expected in self.expected_texts)

    def _check_request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.hostname != "127.0.0.1" and url.scheme not in _OWN_SCHEMES:
            self.problems.append(f"request to another host: {request.url}")
