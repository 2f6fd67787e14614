#!/bin/sh
# What an instance's unit does around its container: `keeper.sh VERB ARGUMENT...` in the instance's directory.
# Runs without pvdifyd, so that instances come back, ever more slowly, also while it is down.
#
#   before ID_FILE RESTARTS_FILE REMOVE...   wait if it exits again and again; count; remove the last container
#   try COMMAND...                           run it; it may fail
#   start RUN...                             run it; what podman says goes to a file of its own
#   started                                  note when
#   stop STOP...                             with the grace that was asked for
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
    rm -f stopping began started
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
    ;;
stop)
    # systemd runs this also after a program that ended by itself, and then there is no main process
    [ -z "${MAINPID:-}" ] || : >stopping
    exec "$@" --time "$(read_number grace)"
    ;;
ended)
    id_file=$1 memory_mark=$2
    shift 2
    [ -e stopping ] && exit 0
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
