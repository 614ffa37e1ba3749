"""webhook.py HEADERS BODY SECRET: verifies a message by Standard Webhooks."""

import sys

from standardwebhooks import Webhook, WebhookVerificationError

headers_file, body_file, secret = sys.argv[1:]
with open(headers_file, encoding="ascii", newline="") as read:
    lines = read.read().split("\r\n")[1:]
with open(body_file, "rb") as read:
    body = read.read()
headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}
try:
    Webhook(secret).verify(body, headers)
except WebhookVerificationError as error:
    sys.exit(f"not verified: {error}")
print("verified")
