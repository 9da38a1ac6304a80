# oiabd in a container: `docker build -t oiabd .`, then docs/deployment/sidecar.md.
# The first stage takes the same steps as everybody, ./dev setup and ./dev build; the second holds one binary of ours.

FROM debian:trixie-slim AS build
WORKDIR /src
# The packages first: they stay cached until the setup itself changes.
COPY dev ./
COPY scripts scripts
RUN ./dev setup build
COPY . .
RUN ./dev build \
    && install -D --strip build/oiabd /out/oiabd \
    && scripts/runtime_packages build/oiabd >/out/packages

FROM debian:trixie-slim
COPY --from=build /out/packages /tmp/packages
RUN apt-get update \
    && xargs -a /tmp/packages apt-get install -y --no-install-recommends ca-certificates tzdata \
    && rm -rf /var/lib/apt/lists/* /tmp/packages \
    && useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin oiabd
COPY --from=build /out/oiabd /usr/local/bin/oiabd
USER 10001:10001
# Settings come as OIABD_… variables (OIABD_DATABASE_URL, or OIABD_DATABASE_URL_FILE for a mounted secret). The log is
# JSON lines on stderr. SIGTERM drains: give the container more than drain_timeout + cancel_grace (40 s) to stop.
STOPSIGNAL SIGTERM
# Healthy: this host's worker has renewed its row in the database lately.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["oiabd", "healthcheck"]
ENTRYPOINT ["oiabd"]
