// Shows the OpenAPI document of the server that sent this page.

const root = new URL("..", location.href);
const address = new URL("openapi.json", root);
// The dashboard's tab has the token under the same name.
const KEY = `kedro-asgi.token:${root.pathname}`;

function withToken(request) {
  const token = sessionStorage.getItem(KEY);
  const isOwn = new URL(request.url, location.href).origin === location.origin;
  // What the user gives Swagger UI itself counts more.
  if (token !== null && isOwn && !request.headers.Authorization) request.headers.Authorization = `Bearer ${token}`;
  return request;
}

async function readDocument() {
  const { headers } = withToken({ url: address.href, headers: {} });
  const answer = await fetch(address, { headers });
  if (answer.status === 401) return null;
  if (!answer.ok) throw new Error(`${address.pathname} answers ${answer.status}.`);
  const description = await answer.json();
  // A proxy may take a prefix away, which the server then does not know; the browser does.
  return { ...description, servers: [{ url: root.pathname.replace(/\/$/, "") || "/" }] };
}

function askForToken(place) {
  const form = document.createElement("form");
  form.innerHTML = `<p id="reason" role="alert"></p>
    <label>Token <input name="token" type="password" autocomplete="off" required></label> <button>Log in</button>`;
  form.querySelector("#reason").textContent =
    sessionStorage.getItem(KEY) === null ? "This server asks for a token." : "The server does not take this token.";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEY, new FormData(form).get("token").trim());
    location.reload();
  });
  place.replaceChildren(form);
}

async function show() {
  const place = document.getElementById("docs");
  try {
    const spec = await readDocument();
    if (spec === null) {
      askForToken(place);
      return;
    }
    window.SwaggerUIBundle({
      spec,
      domNode: place,
      deepLinking: true,
      displayOperationId: true,
      validatorUrl: null,
      requestInterceptor: withToken,
    });
  } catch (error) {
    place.textContent = `The description cannot be read: ${error.message}`;
  }
}

show();
