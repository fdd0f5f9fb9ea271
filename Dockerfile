# The tool alone: docker build -t alipayplus . && docker run --rm alipayplus ship --demo
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH
RUN mkdir /credentials
WORKDIR /src
COPY . .
RUN cd cmd/alipayplus && CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -ldflags="-s -w" -o /alipayplus .

# The worker on Temporal: docker build -t alipayplus-rollouts --target worker .
FROM build AS build-worker
ARG TARGETOS TARGETARCH
RUN cd rollout/temporal && CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -ldflags="-s -w" -o /alipayplus-rollouts ./cmd/alipayplus-rollouts

FROM gcr.io/distroless/static-debian12:nonroot AS worker
COPY --from=build-worker /alipayplus-rollouts /usr/local/bin/alipayplus-rollouts
WORKDIR /work
ENTRYPOINT ["/usr/local/bin/alipayplus-rollouts"]
CMD ["worker"]

# static has certificates, /tmp and a user who is not root, to whom /credentials belongs, and neither a shell nor git: keep the
# state in a folder that is mounted, or build upon an image that has git for --state git:BRANCH.
FROM gcr.io/distroless/static-debian12:nonroot AS tool
COPY --from=build /alipayplus /usr/local/bin/alipayplus
COPY --from=build --chown=65532:65532 /credentials /credentials
WORKDIR /work
ENTRYPOINT ["/usr/local/bin/alipayplus"]
CMD ["help"]
