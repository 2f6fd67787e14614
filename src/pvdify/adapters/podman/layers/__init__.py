"""What containers write into themselves: its limit, where podman's storage can have one."""
