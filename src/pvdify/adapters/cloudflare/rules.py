"""A tunnel's rules: the configuration to write, computed from the current one. No I/O."""

from typing import Any

from pvdify.model.edge import EdgeWanted

Rule = dict[str, Any]
NOTHING_HERE = "http_status:404"


def wanted_config(found: dict[str, Any], wanted: EdgeWanted, *, is_own: bool) -> dict[str, Any]:
    """Return the configuration to write.

    In a tunnel that pvdify created, its rules replace all others. In an adopted tunnel only pvdify's own rules are
    replaced: those for wanted hostnames and those that send requests where pvdify's do. Other fields of the
    configuration stay. The last rule matches every request that no other rule matches; its hostname is empty, because
    Cloudflare requires the field.
    """
    ours = [{"hostname": rule.hostname, "service": rule.service} for rule in wanted.rules]
    others = [] if is_own else [rule for rule in rules_in(found) if not _is_ours(rule, wanted)]
    last = others.pop() if others and _is_catch_all(others[-1]) else {"hostname": "", "service": NOTHING_HERE}
    return {**found, "ingress": [*others, *ours, last]}


def config_without(found: dict[str, Any], wanted: EdgeWanted) -> dict[str, Any]:
    """Return the configuration of an adopted tunnel without pvdify's rules."""
    others = [rule for rule in rules_in(found) if not _is_ours(rule, wanted)]
    if not others or not _is_catch_all(others[-1]):
        others.append({"hostname": "", "service": NOTHING_HERE})
    return {**found, "ingress": others}


def is_same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Return whether two configurations have the same rules. An absent hostname equals an empty one."""
    return [_normalized(rule) for rule in rules_in(first)] == [_normalized(rule) for rule in rules_in(second)]


def rules_in(config: dict[str, Any]) -> list[Rule]:
    """Return the rules of a configuration, possibly none. Each gets a hostname, which Cloudflare requires."""
    return [{"hostname": "", **rule} for rule in config.get("ingress") or []]


def _is_ours(rule: Rule, wanted: EdgeWanted) -> bool:
    hostname = rule["hostname"]
    return bool(hostname) and any(
        rule.get("service") == ours.service or hostname == ours.hostname for ours in wanted.rules
    )


def _is_catch_all(rule: Rule) -> bool:
    return rule["hostname"] in ("", "*") and not rule.get("path")


def _normalized(rule: Rule) -> Rule:
    return {name: value for name, value in rule.items() if value not in (None, {})}
