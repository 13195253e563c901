# shellcheck shell=bash
# An instance: containerd and dockerd with data, sockets and a bridge of their own.

instance_dir() { printf '%s\n' "$ENGINE_HOME/instances/$1"; }
instance_run() { printf '%s\n' "$RUN_ROOT/$1"; }

instance_names() {
    local dir
    for dir in "$ENGINE_HOME"/instances/*/; do
        [[ ! -d $dir ]] || basename -- "$dir"
    done
}

# docker_at NAME SECONDS ARGS...
docker_at() {
    local name=$1 limit=$2
    shift 2
    DOCKER_HOST=unix://$(instance_run "$name")/docker.sock DOCKER_CONFIG=$(instance_dir "$name")/client \
        timeout "$limit" "$PREFIX/client/docker" "$@" </dev/null
}

instance_answers() { docker_at "$1" 10 version --format '{{.Server.Version}}' >/dev/null 2>&1; }

instance_healthy() {
    local dir
    dir=$(instance_dir "$1")
    packages_ready && alive "$dir/daemon.json" dockerd && alive "$dir/containerd.toml" containerd &&
        [[ -f $dir/started && $(<"$dir/started") == "$(registry_port)" ]] && instance_answers "$1"
}

instance_up() {
    local dir run
    dir=$(instance_dir "$1") run=$(instance_run "$1")
    ! instance_healthy "$1" || return 0
    # Whatever is left of an earlier start is in the way of this one.
    instance_stop "$1"
    mkdir -p -- "$dir/data" "$dir/containerd" "$dir/client" "$dir/buildx" "$run"
    chmod 755 "$RUN_ROOT" "$run"
    instance_network "$1"
    instance_config "$1"
    bridge_up "$(<"$dir/bridge")" "$(<"$dir/network")"
    say "starting the engine '$1'"
    start "$dir/containerd.log" containerd --config "$dir/containerd.toml"
    wait_until 30 test -S "$run/containerd.sock" || die_log "containerd does not start" "$dir/containerd.log"
    start "$dir/dockerd.log" dockerd --config-file "$dir/daemon.json"
    wait_until 60 instance_answers "$1" || die_log "dockerd does not start" "$dir/dockerd.log"
    registry_port >"$dir/started"
    instance_owner "$1"
}

die_log() {
    say "the last lines of $2:"
    tail -n 15 -- "$2" >&2 || true
    die_unavailable "$1"
}

# A range that neither the machine nor another instance uses, kept as long as
# that is so.
instance_network() {
    local dir bridge head tail network
    dir=$(instance_dir "$1")
    # At most 15 characters.
    bridge=wb$(printf '%s' "$dir" | sha256sum | cut -c 1-10)
    if [[ -s $dir/network ]] && ! network_taken "$(<"$dir/network")" "$bridge"; then
        return
    fi
    [[ ! -s $dir/network ]] || bridge_down "$bridge" "$(<"$dir/network")"
    printf '%s\n' "$bridge" >"$dir/bridge"
    for head in 172.30 172.29 10.213 10.87; do
        for ((tail = 0; tail < 250; tail += 2)); do
            network=$head.$tail
            if ! grep -qsxF -- "$network" "$ENGINE_HOME"/instances/*/network && ! network_taken "$network" "$bridge"; then
                printf '%s\n' "$network" >"$dir/network"
                return
            fi
        done
    done
    die_unavailable "no address range is free for a bridge"
}

instance_config() {
    local dir run network registry
    dir=$(instance_dir "$1") run=$(instance_run "$1")
    network=$(<"$dir/network") registry=127.0.0.1:$(registry_port)
    write "$dir/containerd.toml" <<CONF || true
version = 3
root = "$dir/containerd"
state = "$run/containerd"
disabled_plugins = [
  "io.containerd.cri.v1.images",
  "io.containerd.cri.v1.runtime",
  "io.containerd.grpc.v1.cri",
  "io.containerd.nri.v1.nri",
]
[grpc]
  address = "$run/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$dir/containerd/opt"
CONF
    # The range after the bridge's own is for networks that a test may make. The
    # cgroup driver is the one that needs no service manager.
    write "$dir/daemon.json" <<CONF || true
{
  "hosts": ["unix://$run/docker.sock"],
  "group": "${SUDO_GID:-0}",
  "data-root": "$dir/data",
  "exec-root": "$run/docker",
  "pidfile": "$run/docker.pid",
  "containerd": "$run/containerd.sock",
  "features": {"containerd-snapshotter": true},
  "exec-opts": ["native.cgroupdriver=cgroupfs"],
  "bridge": "$(<"$dir/bridge")",
  "iptables": false,
  "ip6tables": false,
  "default-address-pools": [{"base": "${network%.*}.$((${network##*.} + 1)).0/24", "size": 28}],
  "insecure-registries": ["$registry"],
  "registry-mirrors": ["http://$registry"]
}
CONF
    mkdir -p -- "$dir/client/cli-plugins"
    ln -sfn -- "$PREFIX/client/cli-plugins/docker-buildx" "$dir/client/cli-plugins/docker-buildx"
    [[ -s $dir/client/config.json ]] || echo '{}' >"$dir/client/config.json"
}

# With sudo, the client's folders belong to the caller, who writes to them.
instance_owner() {
    [[ -n ${SUDO_UID:-} ]] || return 0
    local dir
    dir=$(instance_dir "$1")
    chown -R -- "$SUDO_UID:${SUDO_GID:-0}" "$dir/client" "$dir/buildx"
}

# Stops the daemons and removes what they leave when they are killed: shims,
# containers, mounts, sockets.
instance_stop() {
    local dir run pid mountpoint
    dir=$(instance_dir "$1") run=$(instance_run "$1")
    rm -f -- "$dir/started"
    stop "$dir/daemon.json" dockerd 20
    stop "$dir/containerd.toml" containerd 10
    for pid in $(instance_leftovers "$dir" "$run"); do
        kill -9 "$pid" 2>/dev/null || true
    done
    while read -r mountpoint; do
        umount -l -- "$mountpoint" 2>/dev/null || true
    done < <(awk -v a="$dir/" -v b="$run/" 'index($5, a) == 1 || index($5, b) == 1 {print $5}' /proc/self/mountinfo | sort -r)
    rm -rf -- "$run"
}

# Processes started with a path of this instance, and those whose root file
# system lies in it.
instance_leftovers() {
    local path pid program
    while IFS= read -r path; do
        pid=${path#/proc/}
        program=
        IFS= read -r -d '' program 2>/dev/null <"$path" || continue
        case ${program##*/} in
            containerd-shim* | runc | docker-proxy | docker-init) echo "${pid%/cmdline}" ;;
        esac
    done < <(grep -lsaF -f <(printf '%s/\n' "$1" "$2") /proc/[0-9]*/cmdline)
    while IFS= read -r path; do
        pid=${path#/proc/}
        echo "${pid%/mountinfo}"
    done < <(grep -lsE "^[0-9]+ [0-9]+ [0-9:]+ [^ ]+ / .*[=:]$1/" /proc/[0-9]*/mountinfo)
}

instance_down() {
    local dir
    dir=$(instance_dir "$1")
    [[ -d $dir && ( -f $dir/started || -d $(instance_run "$1") ) ]] || return 0
    instance_stop "$1"
    [[ ! -s $dir/bridge || ! -s $dir/network ]] || bridge_down "$(<"$dir/bridge")" "$(<"$dir/network")"
    rmdir -- "$RUN_ROOT" 2>/dev/null || true
    say "the engine '$1' is down"
}

instance_clean() {
    instance_down "$1"
    rm -rf -- "$(instance_dir "$1")"
}

instance_env() {
    local dir path=:${PATH}: client=$PREFIX/client
    dir=$(instance_dir "$1")
    if [[ ! -f $dir/started ]]; then
        say "the engine '$1' is not up: run scripts/engine up first"
        exit 1
    fi
    # In front exactly once, however often this is evaluated.
    path=${path//":$client:"/:}
    path=${path#:}
    printf 'export %s=%q\n' \
        DOCKER_HOST "unix://$(instance_run "$1")/docker.sock" \
        DOCKER_CONFIG "$dir/client" \
        BUILDX_CONFIG "$dir/buildx" \
        PATH "$client:${path%:}" \
        WEIGHBRIDGE_ENGINE private \
        WEIGHBRIDGE_ENGINE_NAME "$1" \
        WEIGHBRIDGE_TEST_REGISTRY "127.0.0.1:$(registry_port)"
    # Variables that would send the client elsewhere.
    printf 'unset DOCKER_CONTEXT DOCKER_TLS DOCKER_TLS_VERIFY DOCKER_CERT_PATH DOCKER_API_VERSION BUILDX_BUILDER BUILDKIT_HOST\n'
}
