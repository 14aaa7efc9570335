"""Clients that standard tools make of the OpenAPI document, on a real server.

``openapi-python-client`` is a development dependency for these tests only.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from typed_project import PARAMETERS, TYPED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PYTHON_CALLER = """
import json, sys
from generated import Client
from generated.api.pipeline import run_pipeline_run_post
from generated.api.pipelines import run_constant, run_score_it
from generated.api.runs import list_runs, submit_run
from generated.models import *

client = Client(base_url=sys.argv[1])
params = RunRequestParamsType0.from_dict({"a": 5})
run = run_pipeline_run_post.sync(client=client, body=RunRequest(params=params, outputs=["d"]))
labels = RunSubmissionLabelsType0.from_dict({"team": "ml"})
record = submit_run.sync(client=client, wait=10, body=RunSubmission(labels=labels))
page = list_runs.sync(client=client, label=["team=ml"])
inputs = ScoreItInputs(
    shop_eu_rows=[Row(n=2)], shop_eu_my_order=Order(id=1), shop_eu_offer=Offer(price=1.5)
)
scored = run_score_it.sync(
    client=client, body=ScoreItRequest(inputs=inputs, params=ScoreItParams(model=ScoreItParamsModel(depth=7)))
)
score = scored.outputs.shop_eu_scores.additional_properties["total"]
wrong = ScoreItInputs(shop_eu_rows=[], shop_eu_my_order=Order(id=0), shop_eu_offer=Offer(price=1))
problem = run_score_it.sync(client=client, body=ScoreItRequest(inputs=wrong))
one = run_constant.sync(client=client, body=ConstantRequest()).outputs.one
print(json.dumps(
    [run.outputs.to_dict(), str(record.status), len(page.runs), score, problem.errors[0].loc[1:], one]
))
"""
TYPESCRIPT_CALLER = """
import createClient from "openapi-fetch";
import type { components, paths } from "./api";

const client = createClient<paths>({ baseUrl: process.argv[2] });

async function main() {
  const run = await client.POST("/run", { body: { inputs: { s: 1 }, from_inputs: ["s"], outputs: ["d"] } });
  if (!run.data || run.data.status !== "success") throw new Error(JSON.stringify(run));
  const outputs: { [key: string]: unknown } | null | undefined = run.data.outputs;
  const query = { wait: 10 };
  const accepted = await client.POST("/runs", { params: { query }, body: { labels: { team: "ml" } } });
  const record: components["schemas"]["RunRecord"] = accepted.data!;
  const page = await client.GET("/runs", { params: { query: { status: ["success", "failure"], label: ["team=ml"] } } });
  const event: components["schemas"]["RunEvent"] = {
    event: "NodeStarted", run_id: record.run_id, at: record.created_at, node: "n",
  };
  const typed = await client.POST("/pipelines/score%20it%21/run", {
    body: {
      inputs: { "shop.eu.rows": [{ n: 2 }], "shop.eu.my order": { id: 1 }, "shop.eu.offer": { price: 1.5 } },
      params: { model: { depth: 7 }, "shop.eu": { options: { kind: "slow" } } },
    },
  });
  if (typed.data?.status !== "success") throw new Error(JSON.stringify(typed));
  const total: number | null | undefined = typed.data.outputs["shop.eu.scores"]?.["total"];
  const constant = await client.POST("/pipelines/constant/run", { body: {} });
  if (constant.data?.status !== "success") throw new Error(JSON.stringify(constant));
  const one: number | undefined = constant.data.outputs.one;
  // @ts-expect-error A price is a number.
  const wrong: components["schemas"]["Offer"] = { price: "free" };
  console.log(JSON.stringify([outputs, record.status, page.data!.runs.length, event.event, total, one, wrong.price]));
}

main().catch((error) => { console.error(error); process.exit(1); });
"""
TSCONFIG = {
    "compilerOptions": {
        "strict": True,
        "module": "nodenext",
        "moduleResolution": "nodenext",
        "target": "es2022",
        "types": ["node"],
        "skipLibCheck": True,
        "outDir": "out",
    },
    "include": ["call.ts", "api.d.ts"],
}


def run(*line: object, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in line], cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tool(name: str) -> str:
    """Return the path of a command that is installed beside this interpreter."""
    return str(Path(sys.executable).with_name(name))


@pytest.fixture
def document(make_project, start, tmp_path: Path) -> tuple[str, Path]:
    """Return the address of a served project, and a folder that holds its document."""
    project = make_project(TYPED, parameters=PARAMETERS)
    server = start("kedro_asgi", "serve", project, "--store", "memory:")
    folder = tmp_path / "generated"
    folder.mkdir()
    (folder / "openapi.json").write_bytes(httpx.get(f"{server.url}/openapi.json").content)
    return server.url, folder


def test_a_generated_python_client_works(document: tuple[str, Path]) -> None:
    url, folder = document
    line = [tool("openapi-python-client"), "generate", "--path", "openapi.json", "--output-path", "generated"]
    (folder / "options.yml").write_text("post_hooks: []\ncontent_type_overrides:\n  image/svg+xml: text/plain\n")
    run(*line, "--meta", "none", "--fail-on-warning", "--config", "options.yml", cwd=folder)
    (folder / "call.py").write_text(PYTHON_CALLER)
    assert json.loads(run(sys.executable, "call.py", url, cwd=folder)) == [
        *({"d": 14}, "success", 1),
        *(10.0, ["inputs", "shop.eu.my order", "id"], 1),
    ]


@pytest.mark.skipif(shutil.which("npm") is None, reason="node is not installed")
def test_a_generated_typescript_client_compiles_and_works(document: tuple[str, Path]) -> None:
    url, folder = document
    (folder / "package.json").write_text("{}")
    packages = ["openapi-typescript@7", "openapi-fetch@0.13", "typescript@5", "@types/node@20"]
    line = ["npm", "install", "--silent", *packages]
    try:
        subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=200, check=True)
    except subprocess.SubprocessError as error:
        pytest.skip(f"npm cannot install the generator: {error}")
    run("npx", "openapi-typescript", "openapi.json", "-o", "api.d.ts", cwd=folder)
    (folder / "call.ts").write_text(TYPESCRIPT_CALLER)
    (folder / "tsconfig.json").write_text(json.dumps(TSCONFIG))
    run("npx", "tsc", "-p", ".", cwd=folder)
    assert json.loads(run("node", "out/call.js", url, cwd=folder)) == [
        *({"d": 2}, "success", 1, "NodeStarted"),
        *(10.0, 1, "free"),
    ]
