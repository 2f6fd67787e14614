"""pvdify's settings for journald: keep logs across reboots, limit them by size and age, drop no lines."""

LARGEST = "2G"
LEAVE_FREE = "1G"
OLDEST = "1month"


def drop_in() -> str:
    """Return the text of the drop-in file. Its setting names exist in systemd 219 and work in later versions."""
    return f"""\
# Written by `pvdify server install`. To choose differently, write a drop-in whose name sorts after this one's.
[Journal]
Storage=persistent
SystemMaxUse={LARGEST}
SystemKeepFree={LEAVE_FREE}
MaxRetentionSec={OLDEST}
RateLimitInterval=30s
RateLimitBurst=200000
"""
