"""Networks that hear, and what describes a sound without one."""
