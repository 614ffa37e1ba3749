"""envelope.py FILE THRESHOLD KEY...: verifies a DSSE envelope with securesystemslib. A key is a line of OpenSSH, or
one of a C2SP note: name+hash+base64 of 0x01 and the Ed25519 key."""

import base64
import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

file, threshold, *paths = sys.argv[1:]
with open(file, "rb") as read:
    document = json.load(read)
named = [signature["keyid"] for signature in document["signatures"]]
keys = []
for path in paths:
    with open(path, "rb") as read:
        line = read.read().strip()
    if line.startswith(b"ssh-"):
        public = load_ssh_public_key(line)
    else:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(line.split(b"+", 2)[2])[1:])
    # The library looks for a signature by the id of its key: each is tried under every name there is.
    keys += [SSlibKey.from_crypto(public, keyid=name) for name in named]
try:
    accepted = Envelope.from_dict(document).verify(keys, int(threshold))
except VerificationError as error:
    sys.exit(f"not verified: {error}")
print(f"verified by {len(accepted)}")
