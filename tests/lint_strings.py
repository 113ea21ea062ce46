#!/usr/bin/env python3
"""Checks that what pages say comes from the catalogue of messages.

`marked`: no template holds a word that is not marked for translation.
`catalogues`: every marked message is in every catalogue, with the same values in it, and nothing else is.
"""

import re
import sys
from pathlib import Path

SERVER = Path(__file__).parents[1] / "services/server"
QUOTED = r'"((?:[^"\\]|\\.)*)"'
QUOTED_ONCE = r"'((?:[^'\\]|\\.)*)'"
IN_TEMPLATES = [rf"{QUOTED}\s*\|\s*t\b(?!n)()", rf"{QUOTED}\s*\|\s*tn\(\s*{QUOTED}"]
IN_RUST = [rf"(?<![\w:.])t\(\s*{QUOTED}()", rf"(?<![\w:.])tn\(\s*{QUOTED},\s*{QUOTED}"]
IN_SCRIPTS = [rf"(?<![\w:.])t\(\s*{QUOTED_ONCE}()", rf"(?<![\w:.])tn\(\s*{QUOTED_ONCE},\s*{QUOTED_ONCE}"]
# Attributes that people read or hear.
SPOKEN = re.compile(r'\b(?:aria-label|alt|title|placeholder|content-label)="([^"]*)"')
# What is the same in every language, or is no language: names, examples of what one types.
SAME = re.compile(r"\b(?:Gantry|ADQL|CSV|UTC|ICRS|JSON|REST|TAP|kB|M31|CIRCLE)\b|&\w+;")


def unescaped(text):
    return re.sub(r"\\(.)", lambda escape: {"n": "\n", "t": "\t"}.get(escape[1], escape[1]), re.sub(r"\\\n\s*", "", text))


def without_tests(path):
    text = path.read_text()
    return text.split("#[cfg(test)]\nmod tests")[0] if path.suffix == ".rs" else text


def marked_messages():
    """Every message as (one, many or empty), with the files it is in."""
    found = {}
    for folder, ending, patterns in (("templates", "html", IN_TEMPLATES), ("src", "rs", IN_RUST), ("assets", "js", IN_SCRIPTS)):
        for path in sorted((SERVER / folder).rglob(f"*.{ending}")):
            if path.name in ("words.rs", "words.js"):
                continue
            text = without_tests(path)
            for pattern in patterns:
                for one, many in re.findall(pattern, text):
                    found.setdefault((unescaped(one), unescaped(many)), set()).add(f"{folder}/{path.name}")
    return found


def catalogue(path):
    """Message to translations, as a reader of GNU gettext's format finds them."""
    entries, entry, key = {}, {}, None
    for line in [*path.read_text().splitlines(), ""]:
        if match := re.match(r'(msgid|msgid_plural|msgstr(?:\[\d\])?)\s+"(.*)"$', line):
            key = match[1]
            entry[key] = match[2]
        elif line.startswith('"') and key:
            entry[key] += line[1:-1]
        elif not line.strip() and entry:
            entry = {name: unescaped(text) for name, text in entry.items()}
            message = (entry["msgid"], entry.get("msgid_plural", ""))
            if message in entries:
                raise SystemExit(f"{path.name}: twice: {message[0]!r}")
            entries[message] = [text for name, text in entry.items() if name.startswith("msgstr")]
            entry, key = {}, None
    entries.pop(("", ""), None)
    return entries


def marked():
    for path in sorted((SERVER / "templates").glob("*.html")):
        text = path.read_text()
        text = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
        text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", " ", text, flags=re.DOTALL)
        text = re.sub(r"<(code|pre|script|style|svg|textarea)\b.*?</\1>", " ", text, flags=re.DOTALL)
        spoken = [value for value in SPOKEN.findall(text)]
        bare = re.sub(r"<[^>]*>", "\n", text, flags=re.DOTALL).splitlines()
        for words in [*spoken, *bare]:
            if re.search(r"[A-Za-z]{2}", SAME.sub("", words)):
                yield f"templates/{path.name}: not marked: {words.strip()[:100]}"


def catalogues():
    found = marked_messages()
    for path in sorted((SERVER / "strings").rglob("*.po")):
        entries = catalogue(path)
        for message, places in sorted(found.items()):
            if message not in entries:
                yield f"{path.name}: missing: {message} of {', '.join(sorted(places))}"
        for message, said in sorted(entries.items()):
            if message not in found:
                yield f"{path.name}: nowhere used: {message}"
                continue
            if len(said) != (2 if message[1] else 1) or not all(said):
                yield f"{path.name}: not translated: {message}"
            wanted = set(re.findall(r"\{\w+\}", message[0] + message[1]))
            for text in said:
                values = set(re.findall(r"\{\w+\}", text))
                if values - wanted or wanted - values - {"{n}"}:
                    yield f"{path.name}: other values than {message[0]!r}: {text!r}"


CHECKS = {check.__name__: check for check in (marked, catalogues)}

if __name__ == "__main__":
    problems = list(CHECKS[sys.argv[1]]())
    print("\n".join(problems))
    sys.exit(bool(problems))
