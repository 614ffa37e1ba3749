#!/bin/sh
# Verifies this folder without spud: sh verify.sh [PUBLIC-KEY.pem]
# Needs a POSIX shell, awk, sed, openssl 3, and ssh-keygen where votes were signed. Without an argument the key that lies here is used: compare it with the
# one that you got from the box by another way.
set -eu
LC_ALL=C
export LC_ALL
key=${1:-}
case $key in
    '' | /*) ;;
    *) key=$PWD/$key ;;
esac
cd "$(dirname "$0")"
key=${key:-key.pem}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
decode() { printf %s "$1" | openssl base64 -d -A; }
digest() { openssl dgst -sha256 -r "$1" | cut -d ' ' -f 1; }
signed() { openssl pkeyutl -verify -rawin -pubin -inkey "$key" -in "$1" -sigfile "$2" > /dev/null 2>&1; }

# 1. Every file is what the manifest says, and there is no other one.
while read -r want name; do
    [ "$(digest "$name")" = "$want" ] || fail "$name is not what SHA256SUMS says"
done < SHA256SUMS
find . -type f ! -name SHA256SUMS | wc -l | awk '{print $1}' > "$work/found"
wc -l < SHA256SUMS | awk '{print $1}' | cmp -s - "$work/found" || fail "there are other files than SHA256SUMS names"

# 2. The checkpoint: a text, an empty line, signatures. One of those in the log's own name is by the key.
blank=$(grep -n '^$' checkpoint | head -n 1 | cut -d : -f 1)
head -n $((blank - 1)) checkpoint > "$work/text"
origin=$(sed -n 1p checkpoint)
size=$(sed -n 2p checkpoint)
decode "$(sed -n 3p checkpoint)" > "$work/root"
held=no
for signature in $(awk -v from="$blank" -v origin="$origin" 'NR > from && $2 == origin {print $3}' checkpoint); do
    # Four bytes that name the key, then the signature.
    decode "$signature" | tail -c 64 > "$work/sig"
    if signed "$work/text" "$work/sig"; then held=yes; fi
done
[ "$held" = yes ] || fail "the key did not sign the checkpoint"

# 3. Every envelope: the signature, the entry that it is about, and the entry's place in the tree of the checkpoint.
count=0
: > "$work/named"
for file in envelopes/*.json; do
    [ -f "$file" ] || continue
    seq=${file#envelopes/}
    seq=${seq%%-*}
    grep -q '"payloadType":"application/vnd.in-toto+json"' "$file" || fail "$file is no in-toto statement"
    decode "$(sed -n 's/.*"payload":"\([^"]*\)".*/\1/p' "$file")" > "$work/statement"
    decode "$(sed -n 's/.*"sig":"\([^"]*\)".*/\1/p' "$file")" > "$work/sig"
    # What is signed (DSSE, PAE v1): the type and the payload, each with its length.
    { printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(wc -c < "$work/statement")"
      cat "$work/statement"; } > "$work/pae"
    signed "$work/pae" "$work/sig" || fail "the key did not sign $file"
    subject="{\"digest\":{\"sha256\":\"$(digest "entries/$seq.json")\"},\"name\":\"audit/entry/$seq\"}"
    grep -F -q "$subject" "$work/statement" || fail "$file is not about entries/$seq.json"
    # A vote that was signed: of which request, by which key.
    by=$(sed -n 's/.*"signed":{[^}]*"text":"\([^"]*\)".*/\1/p' "$work/statement")
    about=$(sed -n 's/.*"subject":"\([0-9]*\)","subject_kind":"approval".*/\1/p' "entries/$seq.json")
    [ -z "$by" ] || echo "$about $by" >> "$work/named"
    # RFC 6962: the hash of a leaf is over a zero byte and the leaf, that of a node over a one byte and both below.
    { printf '\000'; cat "entries/$seq.json"; } | openssl dgst -sha256 -binary > "$work/hash"
    at=$seq
    last=$((size - 1))
    [ "$at" -le "$last" ] || fail "entry $seq is not among the $size of the checkpoint"
    while read -r line; do
        [ "$last" -gt 0 ] || fail "the proof of entry $seq is too long"
        decode "$line" > "$work/other"
        if [ $((at & 1)) -eq 1 ] || [ "$at" -eq "$last" ]; then
            { printf '\001'; cat "$work/other" "$work/hash"; } | openssl dgst -sha256 -binary > "$work/above"
            while [ $((at & 1)) -eq 0 ] && [ "$at" -ne 0 ]; do
                at=$((at >> 1))
                last=$((last >> 1))
            done
        else
            { printf '\001'; cat "$work/hash" "$work/other"; } | openssl dgst -sha256 -binary > "$work/above"
        fi
        at=$((at >> 1))
        last=$((last >> 1))
        mv "$work/above" "$work/hash"
    done < "proofs/$seq.txt"
    if [ "$last" -ne 0 ] || ! cmp -s "$work/hash" "$work/root"; then
        fail "entry $seq is not in the tree of the checkpoint"
    fi
    count=$((count + 1))
done

# 4. Every signed vote: by the key of whoever votes, and every one that a statement names is here.
votes=0
: > "$work/held"
for file in votes/*.sig; do
    [ -f "$file" ] || continue
    command -v ssh-keygen > /dev/null || fail "votes are signed: without ssh-keygen nobody can tell by whom"
    vote=${file%.sig}
    voter=$(sed -n 's/^voter: //p' "$vote" | head -n 1)
    ssh-keygen -Y verify -n spud-approval -f votes/allowed_signers -I "$voter" -s "$file" < "$vote" \
        > "$work/said" 2>&1 || fail "$voter did not sign $vote"
    about=$(sed -n 's/^approval: //p' "$vote" | head -n 1)
    echo "$about $(sed -n 's/.* key \(SHA256:[^ ]*\).*/\1/p' "$work/said")" >> "$work/held"
    votes=$((votes + 1))
done
while read -r line; do
    grep -q -x -F -e "$line" "$work/held" || fail "the vote on request ${line% *} that ${line#* } signed is not here"
done < "$work/named"
echo "OK: $count statements and $votes signed votes, in the log of $size entries of $origin"
