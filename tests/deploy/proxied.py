"""nginx and Traefik with the files of ``deploy/``: only the ports, the server's address and folders are others."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from dockerfile import REPOSITORY

from serving import free_port

PREFIX = "/kedro"
_NGINX = """\
user root;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/a; uwsgi_temp_path {folder}/b; scgi_temp_path {folder}/c;
    include {folder}/kedro-asgi.conf;
}}
"""


def write_nginx(folder: Path, *, port: int, server: str) -> Path:
    """Write a configuration for ``nginx -c`` with the file of the repository."""
    text = (REPOSITORY / "deploy/nginx/kedro-asgi.conf").read_text()
    text = replaced(text, "listen 80;", f"listen {port};")
    (folder / "kedro-asgi.conf").write_text(replaced(text, "server kedro-asgi:8000;", f"server {server};"))
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder))
    return folder / "nginx.conf"


def write_traefik(folder: Path, *, port: int, server: str) -> Path:
    """Write a static configuration with the files of the repository."""
    static, dynamic = ((REPOSITORY / "deploy/traefik" / name).read_text() for name in ("traefik.yml", "kedro-asgi.yml"))
    (folder / "kedro-asgi.yml").write_text(replaced(dynamic, "http://kedro-asgi:8000", f"http://{server}"))
    static = replaced(static, 'address: ":80"', f'address: "127.0.0.1:{port}"')
    (folder / "traefik.yml").write_text(replaced(static, "/etc/traefik/kedro-asgi.yml", f"{folder}/kedro-asgi.yml"))
    return folder / "traefik.yml"


def replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


@contextmanager
def running_proxy(kind: str, folder: Path, *, tool: Callable[[str], str], server: str) -> Iterator[str]:
    """Run a proxy in front of ``server``, an address with a port; yield the URL of the prefix."""
    port = free_port()
    if kind == "nginx":
        command = [tool("nginx"), "-e", f"{folder}/error.log", "-c", str(write_nginx(folder, port=port, server=server))]
    else:
        command = [tool("traefik"), f"--configFile={write_traefik(folder, port=port, server=server)}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield wait_for(f"http://127.0.0.1:{port}{PREFIX}", process, folder)
    finally:
        process.terminate()
        process.wait(timeout=120)


def wait_for(url: str, process: "subprocess.Popen[bytes]", folder: Path) -> str:
    while True:
        try:
            if httpx.get(f"{url}/health").status_code == 200:
                return url
        except httpx.HTTPError:
            assert process.poll() is None, (folder / "log").read_text()
        time.sleep(0.02)
