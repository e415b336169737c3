# Builds the layer's files in a clean container: the final image holds nothing but /opt.
#   docker build -t otelcol-lambda .                                             this machine's architecture
#   docker buildx build --platform linux/amd64,linux/arm64 -t otelcol-lambda .   both
# In the function's own Dockerfile: COPY --from=otelcol-lambda /opt /opt
#
# Rust's image on Alpine links statically with musl, so the binary runs on any system. Another image does too if it has
# Rust, a C compiler, Python 3.11 and a package manager that the second RUN knows, or all of them already.
ARG BUILDER=docker.io/library/rust:1.95-alpine

FROM ${BUILDER} AS build
# The image's own toolchain; without this rustup would fetch rustfmt and clippy too, as rust-toolchain.toml asks.
ENV RUSTUP_TOOLCHAIN=1.95.0
RUN if command -v apk >/dev/null; then apk add --no-cache bash build-base python3; fi
WORKDIR /src
COPY . .
RUN case $(uname -m) in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; esac \
 && layer/build $arch \
 && mkdir -p /out/opt \
 && python3 -m zipfile -e target/layer/otelcol-lambda-layer-$arch.zip /out/opt \
 && chmod 0755 /out/opt/extensions/otelcol-lambda

FROM scratch
COPY --from=build /out/ /
