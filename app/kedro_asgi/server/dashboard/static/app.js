// The application: shows the page that the address names, and marks its section in the navigation.

import { html, render, useEffect, useErrorBoundary, useState } from "./html.js";
import { ApiError, getJson } from "./api.js";
import { findPage } from "./pages.js";
import { useRoute } from "./router.js";
import { ErrorNotice, Loading } from "./feedback.js";
import { forgetToken, hasToken, watchTokenNeeded } from "./token.js";
import { TokenForm } from "./token_form.js";

function App() {
  const route = useRoute();
  const { page, params } = findPage(route.segments);
  const loaded = usePageModule(page);
  const [reasonToLogIn, setReasonToLogIn] = useState(null);
  useEffect(() => watchTokenNeeded(setReasonToLogIn), []);
  const address = route.segments.join("/");
  useEffect(() => {
    markSection(page.section);
    document.title = `${page.title} · kedro-asgi`;
  }, [page]);
  useFocusAfterNavigation(address);
  if (reasonToLogIn !== null) return html`<${TokenForm} reason=${reasonToLogIn} />`;
  if (loaded.error) return html`<${ErrorNotice} error=${loaded.error} onRetry=${() => location.reload()} />`;
  if (!loaded.view) return html`<${Loading} />`;
  return html`<${Page} key=${address} view=${loaded.view} params=${params} query=${route.query} />`;
}

// An error in a view leaves the navigation and the other pages alone.
function Page({ view, params, query }) {
  const [error, reset] = useErrorBoundary(console.error);
  if (error) return html`<${ErrorNotice} error=${{ title: "This page cannot be shown", message: error.message }} onRetry=${reset} />`;
  return html`<${view} params=${params} query=${query} />`;
}

function usePageModule(page) {
  const [loaded, setLoaded] = useState({});
  useEffect(() => {
    let isCurrent = true;
    const show = (found) => isCurrent && setLoaded({ page, ...found });
    page.load().then(
      (module) => show({ view: module.default }),
      () => show({ error: new ApiError("The server does not answer. It may be restarting.", { title: "No connection" }) }),
    );
    return () => {
      isCurrent = false;
    };
  }, [page]);
  return loaded.page === page ? loaded : {};
}

// Keyboard and screen reader go on at the new page, but the first page leaves the focus where the browser has it.
function useFocusAfterNavigation(address) {
  const [first] = useState(address);
  const [hasMoved, setHasMoved] = useState(false);
  useEffect(() => {
    if (address === first && !hasMoved) return;
    setHasMoved(true);
    window.scrollTo(0, 0);
    document.getElementById("content").focus({ preventScroll: true });
  }, [address]);
}

function markSection(section) {
  for (const link of document.querySelectorAll("#navigation a")) {
    if (link.dataset.section === section) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

async function showProjectName() {
  const { project_name: name } = await getJson(["pipelines"]);
  document.getElementById("project-name").textContent = name;
}

// A server may have no page that shows the API.
async function checkApiLink() {
  const link = document.querySelector(".api-link");
  const { status } = await fetch(link.href, { method: "HEAD" });
  if (status === 404) link.remove();
}

// The address is the page's, so the link must not change it.
document.querySelector(".skip-link").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("content").focus();
});
const logOut = document.getElementById("log-out");
logOut.hidden = !hasToken();
logOut.addEventListener("click", () => {
  forgetToken();
  location.reload();
});
render(html`<${App} />`, document.getElementById("content"));
// A page itself says that a project cannot be read.
showProjectName().catch(() => undefined);
checkApiLink().catch(() => undefined);
