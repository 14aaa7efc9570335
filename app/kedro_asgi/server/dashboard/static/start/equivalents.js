// The same run for curl, for Python and for the command line: texts that can be pasted as they are.

import { isObject } from "./json_schema.js";
import { jsonText, pythonLiteral } from "./literals.js";
import { commandLine, shellWord } from "./shell.js";

// Names that YAML reads as true, false, null or a number, if they stand alone.
const YAML_WORDS = /^(true|false|yes|no|on|off|y|n|null|~)$/i;
const PLAIN_YAML = /^[A-Za-z_][A-Za-z0-9_./ -]*$/;
const DOTTED = /^[^.,=\s][^.,=]*$/;

// The client and the command line name the pipelines first; both take the other fields by their names.
const FLAGS = {
  tags: "--tags",
  node_names: "--nodes",
  from_nodes: "--from-nodes",
  to_nodes: "--to-nodes",
  from_inputs: "--from-inputs",
  to_outputs: "--to-outputs",
  namespaces: "--namespaces",
};

// Return a curl command that sends `body` to `url`; the variable of the command line holds the token.
export function curlCommand(url, body, { needsToken = false } = {}) {
  const token = needsToken ? [`-H "Authorization: Bearer $KEDRO_ASGI_TOKEN"`] : [];
  const words = [`curl -sS ${shellWord(String(url))}`, ...token, `-H 'Content-Type: application/json'`, `-d ${shellWord(jsonText(body))}`];
  return words.join(" \\\n  ");
}

// Return a Python program that submits the run with `AsyncClient`, and waits for its end.
export function pythonProgram(server, { pipeline_names = [], ...body }, { needsToken = false } = {}) {
  const named = Object.entries(body).map(([name, value]) => `${name}=${pythonLiteral(value, 12)},`);
  const lines = [`${pythonLiteral(pipeline_names, 12)},`, ...named].map((line) => `            ${line}`);
  const token = needsToken ? `, token=os.environ["KEDRO_ASGI_TOKEN"]` : "";
  return `import asyncio
${needsToken ? "import os\n" : ""}
from kedro_asgi.client import AsyncClient


async def main() -> None:
    async with AsyncClient(${JSON.stringify(String(server))}${token}) as client:
        run = await client.submit(
${lines.join("\n")}
        )
        record = await client.wait(run.run_id)
        print(record.run_id, record.status)


asyncio.run(main())
`;
}

// Return the command that runs the same in a process of its own, in the project's folder.
//
// Options stand for what they can say. A document in standard input says the rest: a list as a parameter, a comma in a
// name. Labels, time limits and stored outputs belong to the server.
export function kedroAsgiCommand({ labels, timeout_seconds, on_interrupt, outputs, ...body }) {
  const words = optionWords(body);
  if (words === null) return withDocument(["kedro-asgi run", "--config /dev/stdin"], { run: body });
  const { inputs } = body;
  return inputs ? withDocument([...words, "--inputs -"], inputs) : commandLine(words);
}

function optionWords(body) {
  const { pipeline_names = [], params = {}, load_versions = {}, runner, is_async, only_missing_outputs } = body;
  const pairs = parameterPairs(params);
  const versions = Object.entries(load_versions);
  const lists = [pipeline_names, ...Object.keys(FLAGS).map((name) => body[name] ?? [])];
  const areNames = lists.flat().every((name) => /^[^\s,[\]-][^,[\]]*$/.test(name) && name.trim() === name);
  const areVersions = versions.flat().every((text) => /^[^\s,:-][^\s,]*$/.test(text)) && versions.every(([name]) => !name.includes(":"));
  if (!areNames || !areVersions || pairs === null) return null;
  return [
    "kedro-asgi run",
    ...option("--pipelines", pipeline_names),
    ...Object.entries(FLAGS).flatMap(([name, flag]) => option(flag, body[name] ?? [])),
    ...option("--load-versions", versions.map(([name, version]) => `${name}:${version}`)),
    ...option("--params", pairs),
    ...option("--runner", runner ? [runner] : []),
    ...(is_async ? ["--async"] : []),
    ...(only_missing_outputs ? ["--only-missing-outputs"] : []),
  ];
}

function option(flag, texts) {
  return texts.length ? [`${flag} ${shellWord(texts.join(","))}`] : [];
}

// Return `name.inner=value` for each parameter, or `null` if this form cannot say one of them.
function parameterPairs(params, prefix = "") {
  const found = Object.entries(params).map(([name, value]) => {
    if (!DOTTED.test(name) || name.trim() !== name) return null;
    if (isObject(value) && Object.keys(value).length) return parameterPairs(value, `${prefix}${name}.`);
    const text = yamlScalar(value);
    return text === null ? null : [`${prefix}${name}=${text}`];
  });
  return found.includes(null) ? null : found.flat();
}

function yamlScalar(value) {
  if (typeof value === "number") return yamlNumber(value);
  if (typeof value !== "string") return value === null || typeof value === "boolean" ? String(value) : null;
  if (PLAIN_YAML.test(value) && value.trim() === value && !YAML_WORDS.test(value)) return value;
  return /[,\u0000-\u001f\u007f-\u009f\u2028\u2029]|\$\{/.test(value) ? null : JSON.stringify(value);
}

// YAML reads an exponent only after a decimal point and with a sign.
function yamlNumber(value) {
  return String(value).replace(/^(-?\d+)e/, "$1.0e");
}

function withDocument(words, value) {
  return `${commandLine(words)} <<'JSON'\n${yamlDocument(value)}\nJSON`;
}

// Return JSON that YAML reads as the same.
function yamlDocument(value) {
  const escaped = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  const text = jsonText(value).replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, escaped);
  return text.replace(/"(?:[^"\\]|\\.)*"|(-?\d+)e/g, (found, digits) => (digits ? `${digits}.0e` : found));
}
