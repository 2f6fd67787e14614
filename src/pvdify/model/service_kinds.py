"""The kinds of services, as a table of data.

A row's commands run in the service's container with its environment. ``{user}``, ``{password}``, ``{database}``,
``{host}`` and ``{port}`` in ``environment`` and ``url`` are replaced. No command has a secret among its arguments:
passwords come from the environment or from stdin.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Words = tuple[str, ...]
CUSTOM = "image"  # the kind of a service made from any image


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of service.

    ``image``: the default, which the setting ``service_images`` can replace. ``volume``: the path of the stored data.
    ``environment``: for the container. ``command``: None for the image's own. ``health`` exits with 0 once the service
    accepts commands; None: a listening socket is enough. ``version`` prints the program's version in the image;
    ``is_moved``: data of another major version has to be dumped and restored. ``dump`` writes all data to stdout, and
    its counts to stderr as lines ``=NAME|NUMBER``, such as tables with their rows. ``restore`` reads a dump from stdin
    into a new, empty service and fails if the dump is not complete; ``count`` prints the same counts for a service,
    without ``=``. ``rotate`` reads the new password from stdin. ``shell`` is the interactive client. ``variable`` is
    the default name of the URL in an app's environment.
    """

    name: str
    image: str = ""
    port: int = 0
    volume: str = ""
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    command: Words | None = None
    health: Words | None = None
    version: Words | None = None
    is_moved: bool = False
    dump: Words | None = None
    restore: Words | None = None
    count: Words | None = None
    rotate: Words | None = None
    shell: Words = ("/bin/sh",)
    url: str = "tcp://{host}:{port}"
    variable: str = ""
    stop_timeout: float = 30.0


def _script(text: str) -> Words:
    return ("/bin/sh", "-c", text)


_PSQL = 'psql --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname "${POSTGRES_DB:-$POSTGRES_USER}"'
# An incomplete dump has no last line; then the restore runs a statement that fails.
_POSTGRES_END = "PostgreSQL database cluster dump complete"
_POSTGRES_WHOLE = (
    f"awk '{{print}} /{_POSTGRES_END}/ {{whole = 1}} "
    'END {if (!whole) print "\\nDO $$ BEGIN RAISE EXCEPTION \\"the dump is not complete\\"; END $$;"}\''
)
# The role and the database of the service are both in the dump and in the new service.
_POSTGRES_RESTORE = f"""
{_POSTGRES_WHOLE} | psql --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname postgres >/dev/null 2>/tmp/restore.err
grep -E '(ERROR|FATAL|PANIC):|error:' /tmp/restore.err \
    | grep -vE 'ERROR:  (role|database) ".*" already exists' >/tmp/restore.bad || true
cat /tmp/restore.bad >&2
test ! -s /tmp/restore.bad
"""
# Counts the rows of the dump itself, so that the counts match its moment.
_POSTGRES_DUMP = rf"""
pg_dumpall --username "$POSTGRES_USER" --database postgres | awk '
  {{ print }}
  rows && $0 != "\\." {{ count++; next }}
  rows {{ rows = 0; if (database !~ /^template/) printf "=%s.%s|%d\n", database, name, count > "/dev/stderr"; next }}
  /^\\connect / {{
    database = substr($0, 10); sub(/^-reuse-previous=on "dbname=./, "", database); sub(/.."$/, "", database)
  }}
  /^COPY .* FROM stdin;$/ {{ name = substr($0, 6); sub(/ (\(.*\) )?FROM stdin;$/, "", name); count = 0; rows = 1 }}
  /{_POSTGRES_END}/ {{ whole = 1 }}
  END {{ if (!whole) exit 1 }}'
"""
# Rows that an extension creates are not in a dump.
_POSTGRES_COUNT = r"""
psql --no-psqlrc -At --username "$POSTGRES_USER" --dbname postgres \
    -c "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1" | while IFS= read -r database; do
  psql --no-psqlrc -At -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$database" <<'END' || exit 1
SELECT format('SELECT %L, count(*) FROM ONLY %I.%I',
    current_database() || '.' || quote_ident(nspname) || '.' || quote_ident(relname), nspname, relname)
  FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
  WHERE relkind = 'r' AND nspname !~ '^pg_' AND nspname <> 'information_schema' AND NOT EXISTS (
    SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
  ORDER BY nspname, relname \gexec
END
done
"""
_REDIS_CLI = 'REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli --no-auth-warning'
# The dump goes to stdout and, through a pipe, to the program that checks and counts it; none of it is on a disk.
_REDIS_DUMP = f"""
set -e
work=$(mktemp -d /tmp/dump.XXXXXX)
trap 'rm -rf "$work"' EXIT
mkfifo "$work/pipe"
{{ redis-check-rdb /dev/stdin || touch "$work/failed"; cat >/dev/null; }} <"$work/pipe" >"$work/said" 2>&1 &
{{ {_REDIS_CLI} --rdb - || touch "$work/failed"; }} 2>"$work/errors" | tee "$work/pipe"
wait
[ ! -e "$work/failed" ] || {{ cat "$work/errors" "$work/said" >&2; exit 1; }}
awk '/ keys read$/ {{ keys = $(NF - 2) }} / expires$/ {{ expires = $(NF - 1) }}
  END {{ printf "=keys|%d\\n", keys - expires }}' "$work/said" >&2
"""
# The server loads the file into its present data; then it writes the data to the append-only log.
_REDIS_RESTORE = f"""
set -e
directory=$(pwd)
cat >"$directory/restore.rdb"
chmod 644 "$directory/restore.rdb"
ask() {{ {_REDIS_CLI} "$@"; }}
expect() {{ answer=$(ask "$@"); [ "$answer" = OK ] || {{ echo "$answer" >&2; exit 1; }}; }}
# An RDB file ends with the byte FF and a checksum of eight bytes; one that was sent may have a mark of 40 after them.
ends() {{ [ "$(tail -c "$1" "$directory/restore.rdb" | head -c 1 | od -An -tx1)" = " ff" ]; }}
ends 9 || ends 49 || {{
  echo "the dump is not complete" >&2
  exit 1
}}
name=$(ask CONFIG GET dbfilename | tail -n 1)
expect CONFIG SET dbfilename restore.rdb
expect DEBUG RELOAD NOSAVE
expect CONFIG SET dbfilename "$name"
ask BGREWRITEAOF >/dev/null
rm "$directory/restore.rdb"
"""

KINDS = {
    "postgres": Kind(
        name="postgres",
        image="docker.io/library/postgres:17",
        port=5432,
        volume="/var/lib/postgresql",
        environment={
            "POSTGRES_USER": "{user}",
            "POSTGRES_PASSWORD": "{password}",
            "POSTGRES_DB": "{database}",
            "PGDATA": "/var/lib/postgresql/pgdata",
        },
        # Over TCP: while the image initialises a new directory, its server listens only on a Unix socket.
        health=_script(f'PGPASSWORD="$POSTGRES_PASSWORD" {_PSQL} --host localhost -Atc "SELECT 1" >/dev/null'),
        version=_script("postgres --version"),
        is_moved=True,
        dump=_script(_POSTGRES_DUMP),
        restore=_script(_POSTGRES_RESTORE),
        count=_script(_POSTGRES_COUNT),
        rotate=_script(
            'read -r password && printf "ALTER ROLE CURRENT_USER WITH PASSWORD \'%s\';\\n" "$password" | '
            f"{_PSQL} -v ON_ERROR_STOP=1"
        ),
        shell=_script('exec psql --username "$POSTGRES_USER" --dbname "${POSTGRES_DB:-$POSTGRES_USER}"'),
        url="postgres://{user}:{password}@{host}:{port}/{database}",
        variable="DATABASE_URL",
    ),
    "redis": Kind(
        name="redis",
        image="docker.io/library/redis:7",
        port=6379,
        volume="/data",
        environment={"REDIS_PASSWORD": "{password}"},
        # The password is in the configuration, which the server reads from stdin: arguments are visible to all
        # processes.
        command=_script(
            "cd /data && exec docker-entrypoint.sh redis-server - <<END\n"
            'requirepass "$REDIS_PASSWORD"\nbind * -::*\ndir /data\nappendonly yes\n'
            "enable-debug-command local\nenable-protected-configs local\nEND\n"  # a restore needs both
        ),
        health=_script(f"{_REDIS_CLI} PING | grep -qx PONG"),
        version=_script("redis-server --version"),
        dump=_script(_REDIS_DUMP),
        restore=_script(f"cd /data\n{_REDIS_RESTORE}"),
        # Keys that expire are left out, because they may vanish in between.
        count=_script(
            f"{_REDIS_CLI} INFO keyspace | tr -d '\\r' | "
            "awk -F '[=,]' '/^db/ { keys += $2 - $4 } END { printf \"keys|%d\\n\", keys }'"
        ),
        rotate=_script(
            # The second command is for a repetition, when the old password is refused.
            'read -r password && line="CONFIG SET requirepass $password"\n'
            f'[ "$(printf \'%s\\n\' "$line" | {_REDIS_CLI})" = OK ] || '
            '[ "$(printf \'%s\\n\' "$line" | REDISCLI_AUTH="$password" redis-cli --no-auth-warning)" = OK ]'
        ),
        shell=_script('export REDISCLI_AUTH="$REDIS_PASSWORD"; exec redis-cli --no-auth-warning'),
        url="redis://:{password}@{host}:{port}/0",
        variable="REDIS_URL",
    ),
    CUSTOM: Kind(name=CUSTOM),
}
