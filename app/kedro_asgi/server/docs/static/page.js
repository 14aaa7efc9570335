// Shows the OpenAPI document of the server that sent this page.

const address = new URL("../openapi.json", location.href);

async function readDocument() {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address.pathname} answers ${answer.status}.`);
  const description = await answer.json();
  // A proxy may take a prefix away, which the server then does not know; the browser does.
  return { ...description, servers: [{ url: new URL("..", location.href).pathname.replace(/\/$/, "") || "/" }] };
}

async function show() {
  const root = document.getElementById("docs");
  try {
    window.SwaggerUIBundle({
      spec: await readDocument(),
      domNode: root,
      deepLinking: true,
      displayOperationId: true,
      validatorUrl: null,
    });
  } catch (error) {
    root.textContent = `The description cannot be read: ${error.message}`;
  }
}

show();
