#!/usr/bin/env python3
"""Cuts real documentation into passages: a corpus to measure search with.

    corpus.py FOLDER CORPUS.jsonl --limit 100000 [--queries 300 QUERIES.jsonl] [--stride 60]

FOLDER is any folder of unpacked documentation. Ours comes from these Debian packages, each fetched with
`apt-get download` and unpacked with `dpkg-deb -x`: debian-handbook debian-reference-en erlang-doc ghc-doc
git-doc libboost1.74-doc libgtk-3-doc linux-doc-6.1 manpages manpages-dev openjdk-17-doc perl-doc
postgresql-doc-15 python-django-doc python3.11-doc qtbase5-doc-html r-doc-html rust-doc sqlite3-doc vim-doc.

Every line is {"id","title","text"}: up to 120 words that stand together under one title and heading. Equal
texts are kept once. With --stride N, passages begin every N words and so overlap (their ids end in "~"):
only to reach a number of passages that the material does not have.
"""

import argparse
import gzip
import hashlib
import html
import json
import multiprocessing
import os
import random
import re
import tempfile

WORDS = 120
LEAST_WORDS = 20
# About as many tokens as one chunk of spud's holds.
MOST_CHARACTERS = 640
MOST_BYTES = 4 << 20
SEED = 20231117
ENDINGS = {"html", "htm", "xhtml", "txt", "rst", "md", "pod", "adoc", *"12345678"}

DROP = re.compile(r"<(script|style|head|nav|svg)\b.*?</\1\s*>|<!--.*?-->", re.S | re.I)
TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.S | re.I)
HEADING = re.compile(r"<h[1-4]\b[^>]*>(.*?)</h[1-4]\s*>", re.S | re.I)
TAG = re.compile(r"<[^>]{0,2000}>")
BLANK = re.compile(r"\s+")
UNDERLINED = re.compile(r"^(\S[^\n]{2,80})\n([=\-~^*+\"#])\2{2,}[ ]*$", re.M)
MARKED = re.compile(r"^(?:#{1,4}|=head[1-4])[ ]+(.{3,100})$", re.M)
ROFF_HEADING = re.compile(r"^\.\s*(?:SH|SS|Sh|Ss)\s+(.+)$", re.M)
ROFF_COMMENT = re.compile(r"^[.']\s*\\\".*$", re.M)
ROFF_REQUEST = re.compile(r"^[.']\s*[A-Za-z]{1,3}\b", re.M)
ROFF_ESCAPE = re.compile(r"\\(?:f(?:\[[^\]]*\]|\(..|.)|s[-+]?\d|\*?\[[^\]]*\]|\*?\((..)|[&|^/,:%])")
WORDY = re.compile(r"[A-Za-z]{2,}")


def plain(fragment):
    return BLANK.sub(" ", html.unescape(TAG.sub(" ", fragment))).strip(" \u00b6")


def sections(path, text):
    """(title, heading, text) of one file."""
    name = os.path.basename(path).removesuffix(".gz")
    ending = name.rsplit(".", 1)[-1].lower()
    if ending in ("html", "htm", "xhtml"):
        found = TITLE.search(text)
        title = plain(found.group(1)) if found else name
        parts = HEADING.split(DROP.sub(" ", text))
        strip = plain
    elif ending in "12345678":
        title = name
        parts = ROFF_HEADING.split(ROFF_COMMENT.sub("", text))
        strip = lambda part: BLANK.sub(" ", ROFF_ESCAPE.sub(r"\1", ROFF_REQUEST.sub("", part)).replace("\\-", "-")).strip()
    else:
        title = os.path.splitext(name)[0]
        parts = (MARKED if MARKED.search(text) else UNDERLINED).split(text)
        if not MARKED.search(text):
            # Two groups a heading: the second is the underlining.
            parts = [part for at, part in enumerate(parts) if at % 3 != 2]
        strip = lambda part: BLANK.sub(" ", part).strip()
    yield title, "", strip(parts[0])
    for at in range(1, len(parts) - 1, 2):
        yield title, strip(parts[at]).strip('"'), strip(parts[at + 1])


def window(words, start):
    """Up to WORDS words, fewer where they are long."""
    part, length = [], 0
    for word in words[start : start + WORDS]:
        length += len(word) + 1
        if part and length > MOST_CHARACTERS:
            break
        part.append(word)
    return part


def passages(job):
    """Passages of one file, as (id, title, text)."""
    root, path, stride = job
    try:
        opened = gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb")
        with opened:
            text = opened.read(MOST_BYTES).decode("utf-8", "replace")
    except (OSError, EOFError):
        return []
    name = os.path.relpath(path, root)
    found = []
    for title, heading, body in sections(path, text):
        words = body.split(" ")
        head = f"{title}: {heading}" if heading and heading != title else title
        start = 0
        while start < len(words):
            part = window(words, start)
            overlaps = start > 0 and stride < WORDS
            step = min(len(part), stride)
            # What overlaps must also bring something new.
            enough = LEAST_WORDS + (len(part) - step if overlaps else 0)
            text = " ".join(part)
            # Tables of numbers, hex dumps and minified code are no passages.
            if len(part) >= min(enough, WORDS) and len(text) <= 2400 and len(WORDY.findall(text)) * 2 >= len(part):
                found.append((f"{name}#{len(found)}{'~' if overlaps else ''}", head[:200], text))
            start += max(step, 1)
    return found


def files(root):
    found = []
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            bare = name.removesuffix(".gz")
            if "." in bare and bare.rsplit(".", 1)[1].lower() in ENDINGS and not os.path.islink(path):
                if "changelog" not in bare.lower():
                    found.append(path)
    found.sort()
    random.Random(SEED).shuffle(found)
    return found


def question(rng, title, text):
    """6 to 10 words as somebody might ask: a title with its heading, or the first half of a sentence."""
    clean = lambda words: [word for word in words if WORDY.search(word)]
    asked = clean(re.split(r"[\s:/|<>(){}\[\]\"]+", title))
    if not (rng.random() < 0.5 and 6 <= len(asked) <= 10):
        sentences = [clean(sentence.split()) for sentence in re.split(r"(?<=[.!?])\s+", text)]
        sentences = [words for words in sentences[1:] or sentences if len(words) >= 8]
        if not sentences:
            return None
        words = rng.choice(sentences)
        asked = words[: min(max(6, len(words) // 2), rng.randint(6, 10))]
    asked = TAG.sub("", " ".join(asked)).strip(".,;:!?\"'`-")
    return asked if len(WORDY.findall(asked)) >= 6 and len(asked) < 120 else None


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("folder")
    args.add_argument("corpus")
    args.add_argument("--limit", type=int, default=100_000)
    args.add_argument("--stride", type=int, default=WORDS)
    args.add_argument("--queries", nargs=2, metavar=("COUNT", "FILE"))
    args = args.parse_args()
    jobs = ((args.folder, path, args.stride) for path in files(args.folder))
    seen, offsets = set(), []
    with tempfile.TemporaryFile(dir=os.path.dirname(os.path.abspath(args.corpus))) as pile:
        with multiprocessing.Pool(2) as pool:
            for found in pool.imap(passages, jobs, chunksize=16):
                for name, title, text in found:
                    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
                    if digest in seen or len(offsets) >= args.limit:
                        continue
                    seen.add(digest)
                    offsets.append(pile.tell())
                    line = json.dumps({"id": name, "title": title, "text": text}, ensure_ascii=False)
                    pile.write(line.encode() + b"\n")
                if len(offsets) >= args.limit:
                    pool.terminate()
                    break
        rng = random.Random(SEED)
        rng.shuffle(offsets)
        with open(args.corpus, "wb") as out:
            for offset in offsets:
                pile.seek(offset)
                out.write(pile.readline())
        print(f"{args.corpus}: {len(offsets)} passages, {os.path.getsize(args.corpus) / 1e6:.0f} MB")
        if args.queries:
            asked = []
            for offset in rng.sample(offsets, min(len(offsets), int(args.queries[0]) * 4)):
                pile.seek(offset)
                passage = json.loads(pile.readline())
                text = question(rng, passage["title"], passage["text"])
                if text and len(asked) < int(args.queries[0]):
                    asked.append(text)
            with open(args.queries[1], "w", encoding="utf-8") as out:
                for at, text in enumerate(asked):
                    out.write(json.dumps({"id": f"q{at}", "text": text}, ensure_ascii=False) + "\n")
            print(f"{args.queries[1]}: {len(asked)} queries")


if __name__ == "__main__":
    main()
