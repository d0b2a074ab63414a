"""Asks the signer, with this machine's own key for Consul, for certificates of all sorts.

input: {"cases": {case: {"leaf": changes of what the machine asks for, "names": further lines of [names], "extensions":
further lines of [ext], "fields": further fields of the request, "seal": another key for the HMAC}}}
Answers {case: why not, or what was signed: {"names": [...], "addresses": [...], "ca": bool, "usages": [...], "hours": n}}.
"""

import base64
import hashlib
import hmac
import json
import re
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, "/usr/local/lib/hashistack")
import leaf as program  # noqa: E402

given = bundle["input"]  # noqa: F821 - read by the one-line entry
with open("/etc/hashistack/leaf/consul.json", encoding="utf-8") as file:
    config = json.load(file)


def request_for(wanted, case):
    lines = ["[req]", "prompt = no", "distinguished_name = dn", "req_extensions = ext", "[dn]", "CN = " + wanted["commonName"]]
    lines += ["[ext]", "subjectAltName = @names", *case.get("extensions", []), "[names]", *case.get("names", [])]
    lines += ["DNS.%d = %s" % pair for pair in enumerate(wanted["dnsNames"])]
    lines += ["IP.%d = %s" % pair for pair in enumerate(wanted["ipAddresses"])]
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as key:
        key.write(program.new_key())
        key.flush()
        argv = ["openssl", "req", "-new", "-sha256", "-key", key.name, "-config", "/dev/stdin"]
        return program.run(argv, stdin="\n".join(lines) + "\n")


def signed(pem):
    certificate = program.Certificate(pem)
    wanted = "basicConstraints,keyUsage,extendedKeyUsage"
    text = program.run(["openssl", "x509", "-noout", "-ext", wanted], stdin=pem)
    usages = re.findall(r"^ {4}(.*)$", text.replace("CA:FALSE", "").replace("CA:TRUE", ""), re.M)
    return {
        "names": sorted(certificate.names[1] | {certificate.names[0]}),
        "addresses": sorted(map(str, certificate.names[2])),
        "ca": "CA:TRUE" in text,
        "usages": sorted(usage for line in usages for usage in line.split(", ") if usage.strip()),
        "hours": round((certificate.ends - certificate.begins).total_seconds() / 3600),
    }


def ask(case):
    wanted = dict(config["leaf"], **case.get("leaf", {}))
    fields = {"certificate_request": request_for(wanted, case), "profile": wanted["profile"], "label": wanted["service"]}
    inner = json.dumps(dict(fields, **case.get("fields", {}))).encode()
    seal = bytes.fromhex(case.get("seal", wanted["authKey"]))
    token = base64.b64encode(hmac.new(seal, inner, hashlib.sha256).digest()).decode()
    body = json.dumps({"token": token, "request": base64.b64encode(inner).decode()})
    status, text = program.post(config["signer"], body)
    answer = json.loads(text)
    if not answer.get("success"):
        return "%d %s" % (status, ", ".join(str(error.get("message")) for error in answer["errors"]))
    return signed(answer["result"]["certificate"])


json.dump({name: ask(case) for name, case in given["cases"].items()}, sys.stdout)
