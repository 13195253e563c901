# shellcheck shell=bash
# One registry on the loopback address for all instances. It is the test
# registry and, as a mirror, what `FROM debian:bookworm-slim` resolves from.

REGISTRY=$ENGINE_HOME/registry

registry_port() { cat -- "$REGISTRY/port" 2>/dev/null; }

registry_alive() {
    [[ -f $REGISTRY/port ]] && alive "$REGISTRY/config.yml" docker-registry && port_answers "$(registry_port)"
}

registry_up() {
    ! registry_alive || return 0
    stop "$REGISTRY/config.yml" docker-registry 5
    mkdir -p -- "$REGISTRY/data"
    local first port
    first=$(registry_port) || first=${WEIGHBRIDGE_ENGINE_REGISTRY_PORT:-5055}
    for ((port = first; port < first + 50; port++)); do
        ! port_answers "$port" || continue
        registry_config "$port"
        start "$REGISTRY/log" docker-registry serve "$REGISTRY/config.yml"
        printf '%s\n' "$port" >"$REGISTRY/port"
        # Its own process has to live: another program may have taken the port
        # in between.
        ! wait_until 10 port_answers "$port" || ! wait_until 2 registry_alive || {
            say "registry on 127.0.0.1:$port"
            return
        }
        stop "$REGISTRY/config.yml" docker-registry 5
    done
    die_unavailable "the registry does not start: see $REGISTRY/log"
}

registry_config() {
    write "$REGISTRY/config.yml" <<CONF || true
version: 0.1
log:
  level: warn
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: $REGISTRY/data
  delete:
    enabled: true
http:
  addr: 127.0.0.1:$1
CONF
}

registry_down() { stop "$REGISTRY/config.yml" docker-registry 10; }
