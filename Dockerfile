# syntax=docker/dockerfile:1
#
# Tags are pinned here; releases pin digests (--build-arg BUILDER=…@sha256:… --build-arg BASE=…@sha256:…).
# Builder and base are both Debian 12: the binary finds the C library that it was linked against.
ARG BUILDER=docker.io/library/rust:1.95.0-slim-bookworm
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILDER} AS build
# protoc compiles etcd's .proto files; cmake and a C compiler build the TLS provider and zstd.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends cmake g++ make protobuf-compiler \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# A mounted target folder is gone after the step, so the binary is taken out of it within the step.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package etcd-backup-cli --bin etcd-backup \
    && install -D target/release/etcd-backup /out/etcd-backup

FROM ${BASE}
LABEL org.opencontainers.image.title="etcd-backup" \
      org.opencontainers.image.description="Backs up etcd to object storage, and proves it" \
      org.opencontainers.image.source="https://github.com/etcd-backup-operator/etcd-backup-operator" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/etcd-backup /usr/local/bin/etcd-backup
# By number, so that Kubernetes can see that it is not root (runAsNonRoot).
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/etcd-backup"]
CMD ["operator"]
