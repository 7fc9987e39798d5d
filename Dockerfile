# syntax=docker/dockerfile:1

# docker build --build-arg VERSION=v0.1.0 --build-arg COMMIT=$(git rev-parse HEAD) -t registry.example.com/spegel-guard .

ARG GO_VERSION=1.27

# Go compiles for other platforms by itself, so this stage runs on the builder's own.
FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS build
WORKDIR /src
ENV CGO_ENABLED=0
# The toolchain that go.mod names, also where the image has an older one.
ENV GOTOOLCHAIN=auto

# Dependencies change less often than the program: a layer of their own.
COPY go.mod go.sum ./
RUN go mod download

COPY cmd cmd
COPY pkg pkg
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=""
ARG COMMIT=""
RUN GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -trimpath \
    -ldflags "-s -w -X github.com/spegel-guard/spegel-guard/pkg/cli.version=${VERSION} -X github.com/spegel-guard/spegel-guard/pkg/cli.commit=${COMMIT}" \
    -o /spegel-guard ./cmd/webhook

# No shell, no package manager; user 65532.
FROM gcr.io/distroless/static-debian13:nonroot
ARG VERSION=""
ARG COMMIT=""
LABEL org.opencontainers.image.title="spegel-guard" \
      org.opencontainers.image.description="Keeps Spegel away from private registries" \
      org.opencontainers.image.source="https://github.com/spegel-guard/spegel-guard" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}"
COPY --from=build /spegel-guard /spegel-guard
USER 65532:65532
ENTRYPOINT ["/spegel-guard"]
