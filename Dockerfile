# Builds the layer's files in a clean container: the final image holds nothing but /opt.
#   docker build -t otelcol-lambda .                                  this machine's architecture
#   docker build -t otelcol-lambda --platform linux/arm64 .           the other one
# An image on musl links statically, so the binary runs on every Lambda system.
ARG BUILDER=docker.io/library/rust:1.95-alpine

FROM ${BUILDER} AS build
RUN apk add --no-cache build-base
# The image's own toolchain; without this rustup would fetch rustfmt and clippy too, as rust-toolchain.toml asks.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package collector \
 && install -D -m 0755 target/release/otelcol-lambda /out/opt/extensions/otelcol-lambda

FROM scratch
COPY --from=build /out/ /
