# syntax=docker/dockerfile:1
# Serves the Kedro-format project in /project on port 8000; docs/deploying/container.md says how to build and run it.
ARG PYTHON_VERSION=3.13

FROM python:${PYTHON_VERSION}-slim AS build
ARG UV_VERSION=0.13.9
# Extras of pyproject.toml, with commas between them; nothing for none.
ARG EXTRAS=auth,cli,notify,postgres,schedules
WORKDIR /src
RUN pip install --no-cache-dir "uv==${UV_VERSION}"
COPY pyproject.toml uv.lock ./
# pip checks the hashes that uv.lock has, of dependencies and of what builds the wheel.
RUN IFS=,; for extra in $EXTRAS; do set -- "$@" "--extra=$extra"; done; unset IFS; \
    uv export --quiet --frozen --no-default-groups --no-emit-project "$@" --output-file run.txt \
    && uv export --quiet --frozen --only-group build --output-file build.txt \
    && pip wheel --no-cache-dir --require-hashes --requirement run.txt --wheel-dir /wheels
COPY README.md LICENSE ./
COPY app ./app
RUN uv build --quiet --wheel --require-hashes --build-constraint build.txt --out-dir /wheels

FROM python:${PYTHON_VERSION}-slim
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="kedro-asgi" \
      org.opencontainers.image.description="Serves Kedro-format pipelines over HTTP" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Libraries keep caches in HOME; /tmp can be written also where the file system is read-only, by users of any number.
# glibc gives each thread an arena, and most of what it frees there stays with the process: two hold much less. It also
# keeps the space of large values, unless it maps those above a fixed size (1 MiB) apart; 8 MiB may stay free.
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=1048576 MALLOC_TRIM_THRESHOLD_=8388608
# A volume that is mounted at one of these folders begins with the folder's owner.
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --no-deps /wheels/*.whl \
    && install --directory --owner 10001 --group 10001 /project /var/lib/kedro-asgi
# A number: Kubernetes cannot tell by a name that it is not root.
USER 10001:10001
WORKDIR /project
EXPOSE 8000
# SIGTERM lets runs end: for grace_seconds, and 4 seconds more. Docker waits for 10 in all unless it is told otherwise.
STOPSIGNAL SIGTERM
# Readiness, which needs no token. The module asks no proxy, whatever HTTP_PROXY says.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/ready'); sys.exit(c.getresponse().status != 200)"]
CMD ["kedro-asgi", "serve", "/project", "--host", "0.0.0.0", "--port", "8000"]
