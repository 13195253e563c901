# The image for GitLab CI and for `uses: docker://`: docker CLI, buildx, git, CA certificates, a shell, and weighbridge.
#
#   docker buildx build --platform linux/amd64,linux/arm64 .
#
# Nothing runs under emulation: the binary is cross-compiled, and the last stage only copies.

ARG RUST_IMAGE=docker.io/library/rust:1.95.0-slim-bookworm
ARG DOCKER_IMAGE=docker.io/library/docker:29.2.0-cli

FROM --platform=$BUILDPLATFORM ${RUST_IMAGE} AS toolchain
ARG TARGETARCH
# The C code in it needs a compiler of the target and no libc of it: Rust brings its own musl.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends "crossbuild-essential-$TARGETARCH" \
    && rm -rf /var/lib/apt/lists/*

FROM toolchain AS build-amd64
ENV CARGO_BUILD_TARGET=x86_64-unknown-linux-musl \
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER=x86_64-linux-gnu-gcc \
    CC_x86_64_unknown_linux_musl=x86_64-linux-gnu-gcc

FROM toolchain AS build-arm64
ENV CARGO_BUILD_TARGET=aarch64-unknown-linux-musl \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=aarch64-linux-gnu-gcc \
    CC_aarch64_unknown_linux_musl=aarch64-linux-gnu-gcc

# hadolint ignore=DL3006
FROM build-${TARGETARCH} AS build
WORKDIR /src
RUN rustup target add "$CARGO_BUILD_TARGET"
COPY Cargo.toml Cargo.lock ./
# The dependencies are a layer of their own, which a change of the source does not touch.
RUN mkdir src \
    && echo '//! Nothing yet.' >src/lib.rs \
    && cargo build --release --locked
COPY src src
# Cargo goes by the time of a file, and the one from the context may be older than the one that was built.
RUN touch src/lib.rs src/main.rs \
    && cargo build --release --locked \
    && install -D "target/$CARGO_BUILD_TARGET/release/weighbridge" /out/usr/local/bin/weighbridge \
    && install -d --mode=1777 /out/home/weighbridge

FROM ${DOCKER_IMAGE}
LABEL org.opencontainers.image.title=weighbridge \
      org.opencontainers.image.description="Weigh every container image before it merges" \
      org.opencontainers.image.licenses=Apache-2.0
COPY --from=build /out/ /
# Where runners put the repository, which belongs to another user there.
COPY <<GITCONFIG /etc/gitconfig
[safe]
	directory = /github/workspace
	directory = /builds/*
GITCONFIG

# Any user may run it, as which one reaches the socket of the engine differs: root does on hosted runners, elsewhere
# `--user "$(id -u):$(stat -c %g /var/run/docker.sock)"`. So no user is set, and the home belongs to nobody.
ENV HOME=/home/weighbridge
# No shell between the runner and the binary: it would drop variables with a hyphen in the name, as inputs have it.
ENTRYPOINT []
CMD ["weighbridge", "run"]
