#!/bin/sh
# What an instance's unit does around its container: `keeper.sh VERB ARGUMENT...` in the instance's directory.
# Runs without pvdifyd, so that instances come back, ever more slowly, also while it is down.
#
#   before ID_FILE RESTARTS_FILE REMOVE...   wait if it exits again and again; count; remove the last container
#   try COMMAND...                           run it; it may fail
#   start RUN...                             run it; what podman says goes to a file of its own
#   started                                  note when
#   end COMMAND...                           let the processes finish within the grace that was asked for
#   stop STOP...                             kill what is left; with that grace where `end` could not be done
#   ended ID_FILE MEMORY_MARK EXIT_CODE...   note how it ended, unless it was told to
set -u
LONGEST=60
QUIET_AFTER=600 # an instance that stayed up for so many seconds starts over with the shortest pause

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
    # systemd runs this also after a program that ended by itself, and then there is no main process
    [ -n "${MAINPID:-}" ] || exit 0
    : >stopping
    "$@" "$(read_number grace)" && : >finished
    ;;
stop)
    [ -z "${MAINPID:-}" ] || : >stopping # also of units that know no `end`
    grace=$(read_number grace)
    [ -e finished ] && grace=0
    exec "$@" --time "$grace"
    ;;
ended)
    id_file=$1 memory_mark=$2
    shift 2
    [ -e stopping ] && exit 0
    [ -e start-is-watched ] && exit 0 # pvdifyd reads for itself why its start failed
    now=$(date +%s)
    if [ -e started ] && [ $((now - $(read_number started))) -gt $QUIET_AFTER ]; then
        echo 1 >exits-in-a-row
    else
        echo $(($(read_number exits-in-a-row) + 1)) >exits-in-a-row
    fi
    code=${EXIT_STATUS:-$("$@")} # systemd tells since 232
    case $code in '' | *[!0-9]*) code=137 ;; esac
    memory=-
    [ -e "$memory_mark" ] && memory=memory
    echo "$now $code $memory $(cat "$id_file" 2>/dev/null)" >>exits
    ;;
esac
