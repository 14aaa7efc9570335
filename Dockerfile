# Serves the Kedro-format project in /project on port 8000. Build it: docker build -t kedro-asgi .
# Mount a project, as yourself so that runs may write into its data folder, and make a token for yourself:
#   docker run --rm kedro-asgi kedro-asgi token me             (prints the token, and a line with its hash)
#   docker run -p 8000:8000 --user "$(id -u):$(id -g)" -v "$PWD:/project" -e KEDRO_SERVER_TOKENS='<the line>' kedro-asgi
# Without a token, for programs on this machine only:
#   docker run -p 127.0.0.1:8000:8000 --user "$(id -u):$(id -g)" -v "$PWD:/project" -e KEDRO_SERVER_INSECURE=true kedro-asgi
# Or copy it into an image of its own: FROM kedro-asgi, then COPY --chown=kedro:kedro . /project
# and, if its nodes need libraries, RUN pip install them.

FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY app ./app
RUN pip wheel --no-cache-dir --wheel-dir /wheels .

FROM python:3.13-slim
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-index --find-links /wheels kedro-asgi \
    && useradd --create-home kedro \
    && install --directory --owner kedro --group kedro /project
USER kedro
WORKDIR /project
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
CMD ["kedro-asgi", "serve", "/project", "--host", "0.0.0.0", "--port", "8000"]
