"""Replies to have said: all kinds of blocks, long words, and what a hostile one would try."""

RICH = """# Rivers and bread

A paragraph with **bold**, *slanted* and `code`, and a [link](https://example.org/page "Title").

1. First the flour
2. Then the water
   - a nested point
   - another one

- [x] bought
- [ ] baked

> Quoted words, on two lines
> of the same quote.

| Name | Count | Share |
|:-----|------:|:-----:|
| fox  |     3 | 30 %  |
| hen  |     7 | 70 %  |

```python
def bake(loaves: int) -> str:
    # warm
    return f"{loaves} of them"
```

Then a formula $E = mc^2$ and a block:

$$\\int_0^1 x\\,dx = \\frac12$$

A note[^1] comes late, and the last paragraph ends here.

[^1]: The note itself.
"""

SENTENCES = " ".join(f"This is sentence number {number} of the reply." for number in range(1, 25))

LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitaen" * 12
WIDE = f"""{LONG_WORD}

https://example.org/{"path/" * 60}

`{"inline_code_" * 30}`

| {" | ".join(f"column{n}" for n in range(1, 15))} |
|{"---|" * 14}
| {" | ".join("some words" for _ in range(14))} |

```text
{"a very long line of code; " * 20}
```

$${" + ".join(f"x_{{{n}}}^2" for n in range(1, 40))}$$
"""

HOSTILE = """<script>window.taken = "script"</script>

<img src="https://evil.example/pixel.png" onerror="window.taken=1">

![picture](https://evil.example/picture.png)

[press](javascript:window.taken=2) and [data](data:text/html,<script>window.taken=1</script>)

<a href="javascript:window.taken=3">raw link</a>

<div hx-get="/settings/" hx-trigger="load" hx-target="body" id="items" style="position:fixed;inset:0">covered</div>

<hx-partial hx-target="#main" hx-swap="innerHTML">swapped</hx-partial>

<style>body { display: none }</style><link rel="stylesheet" href="https://evil.example/a.css">

<iframe src="https://evil.example/"></iframe><form action="https://evil.example/"><input name="password"></form>

<svg onload="window.taken=4"></svg><math href="javascript:window.taken=5"></math>

```html
<script>window.taken = "fence"</script>
```

The end of it.
"""
