# A BUILDER for the Dockerfile of this project, on Debian: the toolchain is this machine's own, mounted at its own place.
FROM scratch
ADD debian.tar /
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
ARG CARGO_HOME
ARG RUSTUP_HOME
ENV CARGO_HOME=${CARGO_HOME} RUSTUP_HOME=${RUSTUP_HOME} PATH=${CARGO_HOME}/bin:/usr/sbin:/usr/bin:/sbin:/bin
