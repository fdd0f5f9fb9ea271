# The tool alone: docker build -t alipayplus . && docker run --rm alipayplus ship --demo
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY . .
RUN cd cmd/alipayplus && CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -ldflags="-s -w" -o /alipayplus .

# static has certificates, /tmp and a user who is not root, and neither a shell nor git: keep the
# state in a folder that is mounted, or build upon an image that has git for --state git:BRANCH.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /alipayplus /usr/local/bin/alipayplus
WORKDIR /work
ENTRYPOINT ["/usr/local/bin/alipayplus"]
CMD ["help"]
