# The service: docs/serving.md says how it is built and run.
FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY tools/lock_part.py tools/lock_part.py
# Versions and hashes of the lock, without what only developers need.
RUN python tools/lock_part.py serve postgres hatchling > serve.lock \
    && python -m venv /opt/thawline \
    && /opt/thawline/bin/python -m pip install --require-hashes --no-deps -r serve.lock
COPY conf conf
COPY src src
RUN /opt/thawline/bin/python -m pip install --no-deps --no-build-isolation .

FROM python:3.11-slim
COPY --from=build /opt/thawline /opt/thawline
# /data holds the registry: versions, answers, corrections.csv.
RUN useradd --system --create-home --uid 10001 thawline && mkdir /data && chown thawline /data
ENV PATH=/opt/thawline/bin:$PATH PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1
USER thawline
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
# Requests need a token: -e THAWLINE_TOKEN=… What is added (BUNDLE, key=value) is added here.
ENTRYPOINT ["thawline", "serve", "host=0.0.0.0", "port=8000"]
