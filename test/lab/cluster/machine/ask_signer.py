"""Asks the signer, with this machine's own key for Consul, for certificates with names that are given.

input: {"names": {case: [common name and further names]}, "otherProfile": another machine's profile}
Answers {case: "signed" or why not}; besides the given cases "otherProfile" and "otherService".
"""

import json
import sys
import tempfile

sys.path.insert(0, "/usr/local/lib/hashistack")
import leaf as program  # noqa: E402

given = bundle["input"]  # noqa: F821 - read by the one-line entry
with open("/etc/hashistack/leaf/consul.json", encoding="utf-8") as file:
    config = json.load(file)


def ask(**change):
    wanted = dict(config["leaf"], **change)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as key:
        key.write(program.new_key())
        key.flush()
        request = program.request_for(wanted, key.name)
    try:
        program.sign_remotely(wanted, config["signer"], request)
        return "signed"
    except program.Failure as failure:
        return str(failure)


answers = {case: ask(commonName=names[0], dnsNames=names) for case, names in given["names"].items()}
answers["otherProfile"] = ask(profile=given["otherProfile"])
answers["otherService"] = ask(service="vault").replace("of vault", "of consul")
json.dump(answers, sys.stdout)
