# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m pip install --quiet --no-cache-dir "uv==0.13.8"
COPY pyproject.toml uv.lock README.md LICENSE hatch_build.py hatch_encoder.py package.json package-lock.json ./
COPY src ./src
ENV UV_PROJECT_ENVIRONMENT=/app UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1
RUN uv sync --locked --no-dev --extra otel --no-editable

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --home-dir /data officium \
    && install -d -o officium -g officium /data
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 OFFICIUM_HOST=0.0.0.0 OFFICIUM_DATA_DIR=/data
USER officium
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
ENTRYPOINT ["officium"]
CMD ["serve"]
