# syntax=docker/dockerfile:1
# ldn-cds as an unprivileged user, with a root file system that may be read-only:
#
#   docker build --tag ldn-cds .
#   docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#       --volume ldn-cds:/data --publish 127.0.0.1:8000:8000 ldn-cds
#
# What the service itself is told (clients, region, PUBLIC_URL, ...) comes from the environment, never from the image.

ARG PYTHON_TAG=3.13-slim-bookworm

# All packages as wheels, every download checked against its hash in the lock files.
FROM python:${PYTHON_TAG} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
COPY requirements.lock requirements-build.lock ./
RUN pip install --require-hashes -r requirements-build.lock \
    && pip wheel --require-hashes --wheel-dir /wheels -r requirements.lock
COPY pyproject.toml README.md app.py LICENSE NOTICE ./
COPY cds_service cds_service
COPY fhir_fixtures fhir_fixtures
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && python -m venv --without-pip /opt/ldn-cds \
    && pip --python /opt/ldn-cds/bin/python install --no-index --no-deps /wheels/*.whl

FROM python:${PYTHON_TAG}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="ldn-cds" \
      org.opencontainers.image.description="A CDS Hooks service for low dose naltrexone" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="The ldn-cds authors" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

COPY --from=build /opt/ldn-cds /opt/ldn-cds
COPY LICENSE NOTICE /usr/share/doc/ldn-cds/
RUN install --directory --owner=10001 --group=10001 --mode=0750 /data

ENV PATH=/opt/ldn-cds/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    PORT=8000 \
    DATABASE_URL=sqlite:////data/ldn-cds.sqlite3
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 8000

HEALTHCHECK --interval=15s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=2); c.request('GET', '/health/live'); sys.exit(c.getresponse().status != 200)"]

# PORT is where it listens, WEB_CONCURRENCY how many workers (one for each CPU of the container by default).
CMD ["ldn-cds", "serve"]
