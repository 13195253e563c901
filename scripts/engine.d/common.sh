# shellcheck shell=bash
# Names, messages, locking, and starting and finding processes.

if [[ -n ${WEIGHBRIDGE_ENGINE_HOME:-} ]]; then
    ENGINE_HOME=$WEIGHBRIDGE_ENGINE_HOME
else
    ENGINE_HOME=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/weighbridge/engine
fi
[[ $ENGINE_HOME == /* ]] || ENGINE_HOME=$PWD/$ENGINE_HOME
# Unix sockets have at most 108 characters, so they live in a short folder whose
# name tells apart the engines of different homes.
HOME_TAG=$(printf '%s' "$ENGINE_HOME" | sha256sum)
HOME_TAG=${HOME_TAG:0:6}
RUN_ROOT=/run/weighbridge-$HOME_TAG
PREFIX=$ENGINE_HOME/prefix
SYSTEM_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
PRIVATE_PATH=$PREFIX/bin:$SYSTEM_PATH
EX_UNAVAILABLE=69

case $(uname -m) in
    aarch64) NATIVE=arm64 FOREIGN=amd64 FOREIGN_CPU=x86_64 ;;
    *) NATIVE=amd64 FOREIGN=arm64 FOREIGN_CPU=aarch64 ;;
esac

say() { printf 'engine: %s\n' "$*" >&2; }

die_usage() {
    say "$*"
    say "see: scripts/engine help"
    exit 64
}

die_unavailable() {
    say "$*"
    say "install Docker Engine with buildx >= 0.13 and the containerd image store, or run as root on Debian"
    exit "$EX_UNAVAILABLE"
}

check_name() {
    [[ $1 =~ ^[a-z0-9][a-z0-9-]{0,30}$ ]] || die_usage "an instance name is lower-case letters, digits and dashes: '$1'"
}

# The private engine needs root. With a passwordless sudo the script starts
# itself again; the owner of the files a client needs stays the caller.
# need_root COMMAND ARGS...
need_root() {
    ((EUID != 0)) || return 0
    sudo -n true 2>/dev/null ||
        die_unavailable "no usable engine here, and a private one needs root (no passwordless sudo)"
    local keep=(HOME="$HOME" PATH="$PATH" WEIGHBRIDGE_ENGINE_HOME="$ENGINE_HOME" WEIGHBRIDGE_ENGINE=private) var
    for var in WEIGHBRIDGE_ENGINE_REGISTRY_PORT http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
        [[ -z ${!var:-} ]] || keep+=("$var=${!var}")
    done
    mkdir -p -- "$ENGINE_HOME"
    local status=0 command=$1
    # `run` brings the engine up as root and then goes on as the caller.
    [[ $command != run ]] || set -- up "${@:2}"
    sudo -n env "${keep[@]}" bash "$SELF" "$@" || status=$?
    [[ $status == 0 && $command == run ]] || exit "$status"
    ESCALATED=yes
}

# One at a time per home: two `up` at once must not both unpack or both start.
with_lock() {
    [[ ${ESCALATED:-no} == no ]] || return 0
    mkdir -p -- "$ENGINE_HOME"
    local fd
    exec {fd}>"$ENGINE_HOME/lock"
    if ! flock -n "$fd"; then
        say "waiting for another run of this script"
        flock "$fd"
    fi
    "$@"
    exec {fd}>&-
}

# start LOG CMD...: a daemon that outlives this script and holds nothing of its
# caller: no terminal, no pipe, no lock, and none of its secrets.
start() {
    local log=$1 fd var
    shift
    local keep=(PATH="$PRIVATE_PATH" HOME=/root)
    for var in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR; do
        [[ -z ${!var:-} ]] || keep+=("$var=${!var}")
    done
    (
        cd /
        for fd in "/proc/$BASHPID/fd/"*; do
            fd=${fd##*/}
            ((fd <= 2 || fd == 255)) || exec {fd}>&-
        done
        setsid nohup env -i "${keep[@]}" "$@" </dev/null >>"$log" 2>&1 &
    )
}

# pids_with ARGUMENT PROGRAM: processes of that program that were started with
# exactly this argument. Pid files go stale and pids are used again; what a
# process was started with does not lie. The pattern goes through a file
# descriptor so that grep does not find itself.
pids_with() {
    local path pid argv0
    while IFS= read -r path; do
        pid=${path#/proc/}
        pid=${pid%/cmdline}
        IFS= read -r -d '' argv0 2>/dev/null <"$path" || continue
        [[ ${argv0##*/} != "$2" ]] || echo "$pid"
    done < <(grep -lszxF -f <(printf '%s\n' "$1") /proc/[0-9]*/cmdline 2>/dev/null)
}

alive() { [[ -n $(pids_with "$1" "$2") ]]; }

# stop ARGUMENT PROGRAM SECONDS: ask, wait, then insist.
stop() {
    local pids tick
    pids=$(pids_with "$1" "$2")
    [[ -n $pids ]] || return 0
    # shellcheck disable=SC2086
    kill $pids 2>/dev/null || true
    for ((tick = 0; tick < $3 * 10; tick++)); do
        alive "$1" "$2" || return 0
        sleep 0.1
    done
    # shellcheck disable=SC2046
    kill -9 $(pids_with "$1" "$2") 2>/dev/null || true
    for ((tick = 0; tick < 50; tick++)); do
        alive "$1" "$2" || return 0
        sleep 0.1
    done
}

# wait_until SECONDS CMD...
wait_until() {
    local tick limit=$(($1 * 5))
    shift
    for ((tick = 0; tick < limit; tick++)); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.2
    done
    return 1
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# write FILE: standard input into FILE at once or not at all; the status tells
# whether the file is a different one now (0) or was so already (1).
write() {
    cat >"$1.new"
    if cmp -s -- "$1.new" "$1"; then
        rm -f -- "$1.new"
        return 1
    fi
    mv -f -- "$1.new" "$1"
}
