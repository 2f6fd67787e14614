from pvdify.adapters.podman.instances.sockets import parse_table, read_listeners
from pvdify.model.instance import Listener

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
REST = "00000000:00000000 00:00000000 00000000 10001        0 25062 1 0000000098e360de 100 0 0 10 0\n"


def row(local: str, state: str = "0A", remote: str = "00000000:0000") -> str:
    return f"   0: {local} {remote} {state} {REST}"


def test_listening_addresses_are_read_in_every_form():
    table = HEAD + row("0100007F:1F90") + row("00000000:0050") + row("0100007F:1F91", state="01")

    assert parse_table(table) == (
        Listener(address="127.0.0.1", port=8080),
        Listener(address="0.0.0.0", port=80),
    )
    assert parse_table(HEAD + row("00000000000000000000000001000000:1F90")) == (Listener(address="::1", port=8080),)
    assert parse_table(HEAD + row("00000000000000000000000000000000:1F90")) == (Listener(address="::", port=8080),)
    assert parse_table(HEAD + row("0000000000000000FFFF00000100007F:1F90")) == (
        Listener(address="127.0.0.1", port=8080),
    )


def test_both_tables_are_read_and_an_ended_process_has_none(tmp_path):
    (tmp_path / "7" / "net").mkdir(parents=True)
    (tmp_path / "7" / "net" / "tcp").write_text(HEAD + row("0100007F:1F90"))

    assert read_listeners(7, tmp_path) == (Listener(address="127.0.0.1", port=8080),)
    assert read_listeners(8, tmp_path) == ()
