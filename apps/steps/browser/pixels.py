"""How large pictures of pages get."""

MAX_PIXELS = 40_000_000
MAX_SIDE = 16_000


def limited(width: float, height: float) -> tuple[int, int]:
    """The part of a page that makes a picture, cut off where it gets too large."""
    wide = min(max(1, int(width)), MAX_SIDE)
    return wide, min(max(1, int(height)), MAX_SIDE, MAX_PIXELS // wide)
