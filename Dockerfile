# The image of the job: one static binary on distroless, running as nobody in particular.
#
# Both bases are pinned by the digest of their multi-platform index; the tag only says what the digest is. A mirror can take
# their place: GO_IMAGE and RUNTIME_IMAGE, in the stack's setting imageBuildArgs. The names stand in FROM, where Dependabot
# finds them; a base that is replaced is not pulled.
ARG GO_IMAGE=go
ARG RUNTIME_IMAGE=runtime
FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm@sha256:a688600ca24f8a4d3ca77f95b0dd40704a9fc787c826660eb7ba0b641b8b175d AS go
FROM gcr.io/distroless/static-debian12:nonroot@sha256:d093aa3e30dbadd3efe1310db061a14da60299baff8450a17fe0ccc514a16639 AS runtime

# The compiler runs on the machine that builds and compiles for the one that runs: no emulation.
FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build
ENV GOWORK=off GOTOOLCHAIN=local CGO_ENABLED=0 GOCACHE=/cache
WORKDIR /src/job

# Modules change less often than code, so they are a layer of their own. The sandbox is for tests alone and not in
# the build's context; go mod download would look for it.
COPY job/go.mod job/go.sum ./
RUN go mod edit -droprequire=vertexmetadata/sandbox -dropreplace=vertexmetadata/sandbox && \
    go mod download

COPY job/ ./
ARG TARGETOS TARGETARCH
ARG VERSION=unknown REVISION=unknown SOURCE_DATE_EPOCH=0
# The tags leave out what the job never uses, storage over gRPC and tracing: see the Makefile. Mode and time of the file do
# not depend on who builds it when, so that two builds of one commit are one image.
RUN --mount=type=cache,target=/cache \
    GOOS=$TARGETOS GOARCH=$TARGETARCH go build -tags=disable_grpc_modules,grpcnotrace -mod=readonly -trimpath -buildvcs=false \
        -ldflags="-s -w -X main.version=$VERSION -X main.revision=$REVISION" -o /out/job . && \
    chmod 0755 /out/job && touch -d "@$SOURCE_DATE_EPOCH" /out/job

FROM ${RUNTIME_IMAGE}
COPY --from=build /out/job /job
# What the image was built from; go run ./infra/image/args prints the values. BuildKit takes the image's own times from SOURCE_DATE_EPOCH.
ARG VERSION=unknown REVISION=unknown SOURCE= CREATED=1970-01-01T00:00:00Z SOURCE_DATE_EPOCH=0
LABEL org.opencontainers.image.title="create-vertex-metadata" \
      org.opencontainers.image.description="Keeps Vertex AI Search in sync with PostgreSQL" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"
# The user in numbers, so that it holds on any base and Kubernetes-like checks can see it.
USER 65532:65532
ENTRYPOINT ["/job"]
CMD ["sync"]
