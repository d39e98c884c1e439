# Two stages: build with the Swift toolchain, run with the libraries that the binary needs, as an ordinary user.

FROM swift:6.3.1-bookworm AS build
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      ca-certificates curl gcc g++ make liblz4-dev libsasl2-dev libssl-dev \
      pkg-config libcurl4-openssl-dev libreadline-dev libzstd-dev libsnappy-dev \
      zlib1g-dev libroaring-dev libyaml-dev libmicrohttpd-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY scripts/libraries.sh scripts/
RUN scripts/libraries.sh build
COPY Package.swift ./
COPY Sources Sources
COPY Benchmarks Benchmarks
COPY Tests Tests
RUN PKG_CONFIG_PATH=$(scripts/libraries.sh path) swift build -c release --static-swift-stdlib --explicit-target-dependency-import-check error --product pageviews \
    && install -m 0755 .build/release/pageviews /usr/local/bin/pageviews \
    && scripts/libraries.sh licences /usr/share/doc/pageviews

FROM debian:bookworm-slim
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      ca-certificates liblz4-1 libsasl2-2 libssl3 libcurl4 libreadline8 libzstd1 libsnappy1v5 zlib1g libroaring0 \
      libyaml-0-2 libmicrohttpd12 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --home-dir /var/lib/pageviews --no-create-home --shell /usr/sbin/nologin pageviews \
    && install -d -o pageviews -g pageviews -m 0750 /var/lib/pageviews
COPY --from=build /usr/local/bin/pageviews /usr/local/bin/pageviews
COPY --from=build /usr/share/doc/pageviews /usr/share/doc/pageviews
COPY LICENSE /usr/share/doc/pageviews/LICENSE
USER pageviews
WORKDIR /var/lib/pageviews
VOLUME /var/lib/pageviews
# Reports the health of `pageviews status`. Podman keeps health checks only in images built with --format docker.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["pageviews", "status"]
ENTRYPOINT ["pageviews"]
CMD ["--help"]
