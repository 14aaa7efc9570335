"""The soak: a real server under mixed load and random kills, and whether it kept its promises."""
