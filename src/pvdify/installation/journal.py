"""What pvdify asks of journald: that logs outlive a reboot, are limited by size and age, and that none is dropped."""

LARGEST = "2G"
LEAVE_FREE = "1G"
OLDEST = "1month"


def drop_in() -> str:
    """The drop-in's text. Names that systemd 219 knows, which later versions take too."""
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
