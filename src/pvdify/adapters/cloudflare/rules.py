"""A tunnel's rules: what they should be, given what there is. Pure."""

from typing import Any

from pvdify.model.edge import EdgeWanted

Rule = dict[str, Any]
NOTHING_HERE = "http_status:404"


def wanted_config(found: dict[str, Any], wanted: EdgeWanted, *, is_own: bool) -> dict[str, Any]:
    """The configuration to write: in a tunnel of our own the rules are ours alone, in an adopted one only our part is.

    Ours there are the rules for wanted hostnames and those that lead where ours do. What Cloudflare keeps beside the
    rules stays. The last rule takes what no other did; it has an empty hostname, since the field must be there.
    """
    ours = [{"hostname": rule.hostname, "service": rule.service} for rule in wanted.rules]
    others = [] if is_own else [rule for rule in rules_in(found) if not _is_ours(rule, wanted)]
    last = others.pop() if others and _takes_the_rest(others[-1]) else {"hostname": "", "service": NOTHING_HERE}
    return {**found, "ingress": [*others, *ours, last]}


def config_without(found: dict[str, Any], wanted: EdgeWanted) -> dict[str, Any]:
    """The configuration of an adopted tunnel without our part."""
    others = [rule for rule in rules_in(found) if not _is_ours(rule, wanted)]
    if not others or not _takes_the_rest(others[-1]):
        others.append({"hostname": "", "service": NOTHING_HERE})
    return {**found, "ingress": others}


def is_same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether two configurations have the same rules: an absent hostname is an empty one."""
    return [_plain(rule) for rule in rules_in(first)] == [_plain(rule) for rule in rules_in(second)]


def rules_in(config: dict[str, Any]) -> list[Rule]:
    """The rules of a configuration, which may have none yet; each with a hostname, as it has to be written."""
    return [{"hostname": "", **rule} for rule in config.get("ingress") or []]


def _is_ours(rule: Rule, wanted: EdgeWanted) -> bool:
    hostname = rule["hostname"]
    return bool(hostname) and any(
        rule.get("service") == ours.service or hostname == ours.hostname for ours in wanted.rules
    )


def _takes_the_rest(rule: Rule) -> bool:
    return rule["hostname"] in ("", "*") and not rule.get("path")


def _plain(rule: Rule) -> Rule:
    return {name: value for name, value in rule.items() if value not in (None, {})}
