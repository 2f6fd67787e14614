import tomllib

from pvdify.installation.settings_file import HEAD, merged


def test_a_new_settings_file_has_the_given_settings_and_names_the_reference() -> None:
    assert merged(None, {"base_domain": "apps.example.com"}) == HEAD + 'base_domain = "apps.example.com"\n'


def test_other_lines_of_the_settings_file_are_unchanged() -> None:
    text = '# mine\nstandby = "5m"  # short\nbase_domain = "old.example"\n'

    assert merged(text, {"base_domain": "new.example", "router_unit": "r.service"}) == (
        '# mine\nstandby = "5m"  # short\nbase_domain = "new.example"\nrouter_unit = "r.service"\n'
    )


def test_writing_equal_settings_changes_nothing() -> None:
    text = merged(None, {"base_domain": "apps.example.com", "standby": "5m"})

    assert merged(text, {"standby": "5m", "base_domain": "apps.example.com"}) == text


def test_a_file_without_a_line_break_at_its_end_and_a_value_with_quotes_are_read_back() -> None:
    text = merged('standby = "5m"', {"router_binary": r'/opt/a "b" \c'})

    assert tomllib.loads(text) == {"standby": "5m", "router_binary": r'/opt/a "b" \c'}


def test_settings_with_a_common_prefix_are_distinguished() -> None:
    assert merged('listen_x = "1"\n', {"listen": "2"}) == 'listen_x = "1"\nlisten = "2"\n'
