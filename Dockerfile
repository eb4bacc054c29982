# syntax=docker/dockerfile:1

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --bin anteroom \
    && install -D target/release/anteroom /image/usr/local/bin/anteroom \
    && install -d -m 0700 /image/data

# No shell, no package manager: certificates and time zones are inside the binary.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build --chown=65532:65532 /image/data /data
COPY --from=build /image/usr/local/bin/anteroom /usr/local/bin/anteroom
COPY LICENSE /usr/share/doc/anteroom/LICENSE

# Only /data is written to: the root file system can be mounted read-only. What verifying a password takes is given back.
ENV MALLOC_MMAP_THRESHOLD_=1048576 \
    ANTEROOM_SERVER__LISTEN=0.0.0.0:8080 \
    ANTEROOM_SERVER__DATA_DIR=/data \
    ANTEROOM_OBSERVE__LOG=json
USER 65532:65532
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["/usr/local/bin/anteroom", "health", "--url", "http://127.0.0.1:8080"]
ENTRYPOINT ["/usr/local/bin/anteroom"]
CMD ["serve"]
