"""The stock Python provider: python server.py"""

import http.client
import os
import re
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

GATEWAY = os.environ.get("GATEWAY", "http://127.0.0.1:8080")
FLAGS = os.environ.get("FLAGS", "http://127.0.0.1:8016")
SUBJECTS = int(os.environ.get("SUBJECTS", "10000"))
TOKEN_FILE = os.environ.get("OFREP_TOKEN_FILE")


def headers() -> dict[str, str]:
    token = Path(TOKEN_FILE).read_text().strip() if TOKEN_FILE else None
    return {"Authorization": f"Bearer {token}"} if token else {}


def say(what: str, details) -> None:
    print(f"{what}: {details.value!r} {details.variant} {details.reason} {details.error_code} {details.error_message}")


def main() -> int:
    api.set_provider(OFREPProvider(FLAGS, headers_factory=headers))
    client = api.get_client()
    say("theme for Germany", client.get_string_details("theme", "default", EvaluationContext(attributes={"country": "de"})))
    say("a percentage", client.get_boolean_details("new-editor", False, EvaluationContext("user-42")))
    say("no such flag", client.get_boolean_details("no-such", False))
    say("nobody", client.get_boolean_details("new-editor", False))
    say("wrong type", client.get_integer_details("theme", 7))
    large = EvaluationContext("a", {"more": "x" * (1 << 20)})
    say("1 MiB", client.get_boolean_details("new-editor", False, large))

    gateway = http.client.HTTPConnection(urlsplit(GATEWAY).netloc)
    began, replacement, differ = time.monotonic(), 0, []
    for number in range(SUBJECTS):
        subject = f"user-{number}"
        gateway.request("GET", "/articles", headers={"X-User-Id": subject})
        response = gateway.getresponse()
        response.read()
        side = re.search(r"side=(\w+)", response.getheader("Banyan-Unit", ""))
        chosen = side.group(1) if side else None
        details = client.get_boolean_details("unit.articles", False, EvaluationContext(subject))
        said = details.error_code or details.variant
        replacement += chosen == "replacement"
        if said != chosen:
            differ.append(f"{subject}: {said}, but the gateway chose {chosen}")
    seconds = time.monotonic() - began
    print(
        f"Python provider: {SUBJECTS} subjects, {replacement} on the replacement, {len(differ)} differ, {seconds:.1f} s"
    )
    for line in differ[:10]:
        print(f"  {line}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
