"""The style of pictures, light and dark; it needs no other file."""

from kedro_asgi.graph.labels import FONT_SIZE

_LIGHT = """
.kedro-picture .paper { fill: #ffffff }
.kedro-picture text { fill: #1c2733 }
.kedro-picture .detail, .kedro-picture .axis { fill: #5d6b7b }
.kedro-picture .edge, .kedro-picture .rule { stroke: #b3bdc9 }
.kedro-picture .arrow { fill: #8d99a8 }
.kedro-picture .node .box { fill: #e9f1fe; stroke: #4a7fdc }
.kedro-picture .dataset .box { fill: #ffffff; stroke: #93a1b3 }
.kedro-picture .parameter .box { fill: #fbf7ea; stroke: #b89a3e }
.kedro-picture .namespace .box { fill: #f1ecfd; stroke: #7f63d8 }
.kedro-picture .icon { stroke: #5d6b7b }
.kedro-picture .success .box { fill: #e4f5ea; stroke: #23874b }
.kedro-picture .failure .box { fill: #fde8e8; stroke: #c93434 }
.kedro-picture .running .box { fill: #dcebff; stroke: #1565d8 }
.kedro-picture .cancelled .box { fill: #fdf0df; stroke: #b86a12 }
.kedro-picture .waiting .box, .kedro-picture .skipped .box { fill: #f5f6f8; stroke: #98a4b3 }
.kedro-picture .success .badge { fill: #23874b }
.kedro-picture .failure .badge { fill: #c93434 }
.kedro-picture .running .badge { fill: #1565d8 }
.kedro-picture .cancelled .badge { fill: #b86a12 }
.kedro-picture .waiting .badge, .kedro-picture .skipped .badge { fill: #76838f }
.kedro-picture .badge-sign { stroke: #ffffff }
"""
_DARK = """
.kedro-picture .paper { fill: #14191f }
.kedro-picture text { fill: #e4e9ef }
.kedro-picture .detail, .kedro-picture .axis { fill: #9aa8b8 }
.kedro-picture .edge, .kedro-picture .rule { stroke: #465463 }
.kedro-picture .arrow { fill: #6c7c8e }
.kedro-picture .node .box { fill: #1b2d4b; stroke: #5f95f0 }
.kedro-picture .dataset .box { fill: #1d242c; stroke: #6c7c8e }
.kedro-picture .parameter .box { fill: #2c2716; stroke: #a98e3c }
.kedro-picture .namespace .box { fill: #2a2148; stroke: #9a80ee }
.kedro-picture .icon { stroke: #9aa8b8 }
.kedro-picture .success .box { fill: #14321f; stroke: #3fae6c }
.kedro-picture .failure .box { fill: #421a1c; stroke: #ee6a6a }
.kedro-picture .running .box { fill: #12305c; stroke: #62a0ff }
.kedro-picture .cancelled .box { fill: #3a2710; stroke: #dd9440 }
.kedro-picture .waiting .box, .kedro-picture .skipped .box { fill: #1d242c; stroke: #5b6a7a }
.kedro-picture .success .badge { fill: #3fae6c }
.kedro-picture .failure .badge { fill: #ee6a6a }
.kedro-picture .running .badge { fill: #62a0ff }
.kedro-picture .cancelled .badge { fill: #dd9440 }
.kedro-picture .waiting .badge, .kedro-picture .skipped .badge { fill: #7b8a9a }
.kedro-picture .badge-sign { stroke: #14191f }
"""
_SHAPES = f"""
.kedro-picture text {{ font: {FONT_SIZE}px Arial, Helvetica, "Liberation Sans", sans-serif;
  dominant-baseline: central }}
.kedro-picture .detail, .kedro-picture .axis {{ font-size: 10px }}
.kedro-picture .edge {{ fill: none; stroke-width: 1.4 }}
.kedro-picture .rule {{ stroke-width: 1; stroke-dasharray: 2 3 }}
.kedro-picture .box {{ stroke-width: 1.3 }}
.kedro-picture .parameter .box, .kedro-picture .waiting .box, .kedro-picture .skipped .box {{ stroke-dasharray: 4 2.5 }}
.kedro-picture .failure .box, .kedro-picture .running .box {{ stroke-width: 2 }}
.kedro-picture .icon, .kedro-picture .badge-sign {{ fill: none; stroke-width: 1.3; stroke-linecap: round;
  stroke-linejoin: round }}
.kedro-picture .badge-sign {{ stroke-width: 1.6 }}
.kedro-picture a {{ text-decoration: none }}
.kedro-picture a:hover .box, .kedro-picture a:focus .box {{ stroke-width: 2.6 }}
"""
CSS = f"{_SHAPES}{_LIGHT}@media (prefers-color-scheme: dark) {{{_DARK}}}\n"
