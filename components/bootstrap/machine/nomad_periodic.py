"""Begins a run of a periodic job now. Where one is under way nothing is begun; what comes of it is waited for by nobody.

input: {"nomad": access, "jobId": "acme", "namespace": "ingress", "of": what the job is, "timeoutSeconds": 60}
"""

import urllib.parse

from cluster_api import Api, wait


def create(given):
    nomad = Api("nomad", given["nomad"])
    what = "a run of job %s in namespace %s" % (given["jobId"], given["namespace"])
    # What was begun though no answer came is found to be under way.
    wait(what, lambda: begin(nomad, given), given["timeoutSeconds"])


def begin(nomad, given):
    where = urllib.parse.urlencode({"namespace": given["namespace"], "prefix": given["jobId"] + "/periodic-"})
    if any(run["Status"] != "dead" for run in nomad.get("/v1/jobs?" + where) or []):
        return
    path = "/v1/job/%s/periodic/force?%s" % (
        urllib.parse.quote(given["jobId"], safe=""),
        urllib.parse.urlencode({"namespace": given["namespace"]}),
    )
    nomad.request("POST", path)
