# shellcheck shell=bash
# The choice of the engine, and an engine that is there already. All that is
# made on it is a builder of our own, where its default one cannot do what is
# needed, and a registry container, where no registry program is to be had.

SYSTEM=$ENGINE_HOME/system
SYSTEM_BUILDER=weighbridge
SYSTEM_REGISTRY=weighbridge-registry-$HOME_TAG

# engine_kind NAME sets KIND to system or private. Only the main instance can be
# the system's: another one is asked for because its data has to be its own.
engine_kind() {
    KIND=private
    case ${WEIGHBRIDGE_ENGINE:-auto} in
        private) ;;
        system)
            [[ $1 == main ]] || die_unavailable "a second engine ('$1') can only be a private one"
            system_usable || die_unavailable "the system's engine cannot be used: $WHY"
            KIND=system
            ;;
        auto) [[ $1 != main ]] || ! system_usable || KIND=system ;;
        *) die_usage "WEIGHBRIDGE_ENGINE is auto, system or private, not '$WEIGHBRIDGE_ENGINE'" ;;
    esac
}

# A shell that points at a private engine already is not to take it for the system's.
system_docker() {
    local clean=()
    [[ ${DOCKER_HOST:-} != unix:///run/weighbridge-* ]] ||
        clean=(-u DOCKER_HOST -u DOCKER_CONFIG -u BUILDX_CONFIG PATH="${PATH//"$PREFIX/client:"/}")
    env "${clean[@]}" timeout "${LIMIT:-10}" docker "$@" </dev/null
}

# Sets WHY to why the system's engine does not do.
system_usable() {
    local builder id
    WHY="there is no docker command"
    command -v docker >/dev/null || return 1
    WHY="no engine answers"
    id=$(system_docker info --format '{{.ID}} {{.ServerVersion}}' 2>/dev/null) && [[ -n ${id// /} ]] || return 1
    WHY="there is no buildx with a builder"
    builder=$(system_docker buildx inspect 2>/dev/null) || return 1
    WHY=
    ! builder_does "$builder" || return 0
    # A builder in a container does it all and brings its own emulators. Making
    # one takes a while and may be impossible, so the answer is kept for as long
    # as the engine is the same one.
    if [[ ! -f $SYSTEM/engine || $(<"$SYSTEM/engine") != "$id" ]]; then
        system_builder
        printf '%s\n' "$id" >"$SYSTEM/engine"
    fi
    [[ ! -f $SYSTEM/builder ]] || return 0
    WHY="its builder lacks the containerd image store or linux/$FOREIGN, and another cannot be made"
    return 1
}

# The docker driver exports, caches and pushes only with the containerd image
# store; every other driver always does.
builder_does() {
    [[ $1 =~ Platforms:[^$'\n']*linux/$FOREIGN ]] || return 1
    [[ ! $1 =~ Driver:[[:space:]]+docker($'\n'|$) || $1 == *org.mobyproject.buildkit.worker.snapshotter* ]]
}

system_builder() {
    mkdir -p -- "$SYSTEM/buildx"
    rm -f -- "$SYSTEM/builder"
    say "trying a builder in a container on the system's engine"
    # In the host's network, so that it reaches the registry on the loopback address.
    BUILDX_CONFIG=$SYSTEM/buildx system_docker buildx create --name "$SYSTEM_BUILDER" \
        --driver docker-container --driver-opt network=host >/dev/null 2>&1 || true
    if BUILDX_CONFIG=$SYSTEM/buildx LIMIT=180 system_docker buildx inspect --bootstrap "$SYSTEM_BUILDER" 2>/dev/null |
        grep -q "linux/$FOREIGN"; then
        : >"$SYSTEM/builder"
    else
        BUILDX_CONFIG=$SYSTEM/buildx system_docker buildx rm --force "$SYSTEM_BUILDER" >/dev/null 2>&1 || true
    fi
}

system_up() {
    system_base
    [[ -z ${WEIGHBRIDGE_TEST_REGISTRY:-} ]] || return 0
    [[ -z $(system_registry) ]] || return 0
    if PATH=$PRIVATE_PATH command -v docker-registry >/dev/null; then
        (with_lock registry_up) || true
    else
        with_lock system_registry_up
    fi
    [[ -n $(system_registry) ]] || say "no test registry can be brought: what needs one will not run"
}

# Where the image comes from is the engine's affair; a failure is told early, as
# the builds would fail in a less plain way.
system_base() {
    [[ ! -f $SYSTEM/base ]] || return 0
    mkdir -p -- "$SYSTEM"
    local lines context=$SYSTEM/context
    lines=$(system_env)
    mkdir -p -- "$context"
    echo "FROM debian:$BASE_SUITE-slim" >"$context/Dockerfile"
    if (eval "$lines" && LIMIT=120 system_docker buildx build --quiet --platform linux/amd64,linux/arm64 \
        --output type=cacheonly "$context" >/dev/null 2>&1); then
        : >"$SYSTEM/base"
    else
        say "the system's engine cannot get debian:$BASE_SUITE-slim: builds on it will fail; WEIGHBRIDGE_ENGINE=private may help"
    fi
}

system_registry() {
    if registry_alive; then
        printf '127.0.0.1:%s\n' "$(registry_port)"
    elif [[ -f $SYSTEM/registry ]]; then
        system_docker port "$SYSTEM_REGISTRY" 5000/tcp 2>/dev/null || true
    fi
}

system_registry_up() {
    local port first=${WEIGHBRIDGE_ENGINE_REGISTRY_PORT:-5055}
    mkdir -p -- "$SYSTEM"
    : >"$SYSTEM/registry"
    system_docker rm --force --volumes "$SYSTEM_REGISTRY" >/dev/null 2>&1 || true
    for ((port = first; port < first + 50; port++)); do
        ! port_answers "$port" || continue
        LIMIT=180 system_docker run --detach --name "$SYSTEM_REGISTRY" --publish "127.0.0.1:$port:5000" \
            --env REGISTRY_STORAGE_DELETE_ENABLED=true registry:2 >/dev/null || return 0
        wait_until 10 port_answers "$port" || true
        return 0
    done
}

# Takes away what was made on the system's engine, and nothing else.
system_down() {
    if [[ -f $SYSTEM/registry ]]; then
        system_docker rm --force --volumes "$SYSTEM_REGISTRY" >/dev/null 2>&1 || true
    fi
    if [[ -f $SYSTEM/builder ]]; then
        BUILDX_CONFIG=$SYSTEM/buildx LIMIT=60 system_docker buildx rm --force "$SYSTEM_BUILDER" >/dev/null 2>&1 || true
    fi
    rm -f -- "$SYSTEM/registry" "$SYSTEM/builder" "$SYSTEM/engine" "$SYSTEM/base"
}

system_env() {
    local registry
    printf 'export WEIGHBRIDGE_ENGINE=system\n'
    if [[ -f $SYSTEM/builder ]]; then
        printf 'export BUILDX_CONFIG=%q\nexport BUILDX_BUILDER=%q\n' "$SYSTEM/buildx" "$SYSTEM_BUILDER"
    fi
    registry=$(system_registry)
    [[ -z $registry || -n ${WEIGHBRIDGE_TEST_REGISTRY:-} ]] ||
        printf 'export WEIGHBRIDGE_TEST_REGISTRY=%q\n' "$registry"
}
