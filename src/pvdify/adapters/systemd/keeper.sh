#!/bin/sh
# The commands that a unit runs around its container: `keeper.sh VERB ARGUMENT...` in the instance's directory.
# Does not need pvdifyd, so that instances restart, with growing pauses, also while pvdifyd is down.
#
#   before ID_FILE RESTARTS_FILE REMOVE...   wait after repeated exits; count the restart; remove the last container
#   try COMMAND...                           run a command that may fail
#   start RUN...                             start the container; podman's errors go to the file `refusal`
#   started                                  record the time of the start
#   end COMMAND...                           send the stop signal and wait for the end, at most the requested grace
#   stop STOP...                             kill all that is left; after the grace if `end` failed
#   ended ID_FILE MEMORY_MARK EXIT_CODE...   record the exit, unless it was requested
set -u
LONGEST=60
QUIET_AFTER=600 # seconds; after running for longer, an instance restarts with the shortest pause

read_number() { # FILE
    number=$(cat "$1" 2>/dev/null)
    case $number in '' | *[!0-9]*) number=0 ;; esac
    echo "$number"
}

pause_for() { # COUNT: seconds beyond the one that systemd waits
    pause=1
    while [ "$1" -gt 1 ] && [ "$pause" -lt "$LONGEST" ]; do
        pause=$((pause * 2))
        set -- $(($1 - 1))
    done
    [ "$pause" -lt "$LONGEST" ] || pause=$LONGEST
    echo $((pause - 1))
}

verb=$1
shift
case $verb in
before)
    id_file=$1 restarts_file=$2
    shift 2
    sleep "$(pause_for "$(read_number exits-in-a-row)")"
    rm -f stopping finished began started
    if [ -s "$id_file" ]; then
        echo $(($(read_number "$restarts_file") + 1)) >"$restarts_file"
        "$@" >/dev/null
    fi
    ;;
try)
    "$@" >/dev/null 2>&1
    ;;
start)
    : >began
    exec "$@" >/dev/null 2>refusal
    ;;
started)
    date +%s >started
    rm -f start-is-watched
    ;;
end)
    # systemd runs this also when the program has ended by itself; then there is no main process
    [ -n "${MAINPID:-}" ] || exit 0
    : >stopping
    "$@" "$(read_number grace)" && : >finished
    ;;
stop)
    [ -z "${MAINPID:-}" ] || : >stopping # older units do not run `end`
    grace=$(read_number grace)
    [ -e finished ] && grace=0
    exec "$@" --time "$grace"
    ;;
ended)
    id_file=$1 memory_mark=$2
    shift 2
    [ -e stopping ] && exit 0
    [ -e start-is-watched ] && exit 0 # pvdifyd itself finds out why the start failed
    now=$(date +%s)
    if [ -e started ] && [ $((now - $(read_number started))) -gt $QUIET_AFTER ]; then
        echo 1 >exits-in-a-row
    else
        echo $(($(read_number exits-in-a-row) + 1)) >exits-in-a-row
    fi
    code=${EXIT_STATUS:-$("$@")} # systemd sets EXIT_STATUS since version 232
    case $code in '' | *[!0-9]*) code=137 ;; esac
    memory=-
    [ -e "$memory_mark" ] && memory=memory
    echo "$now $code $memory $(cat "$id_file" 2>/dev/null)" >>exits
    ;;
esac
