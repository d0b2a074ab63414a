"""A job: parsed by Nomad itself, planned, registered, and waited for.

input: {
  "nomad": access, "hcl": text, "variables": {name: value}, "namespace": "default", "jobId": "website",
  "timeoutSeconds": 120,
  "consul": access, "services": [{"name", "passing": n}]   # optional: what else must be true before it counts as there
}
"""

import json
import re
import time
import urllib.parse
from cluster_api import Api, HttpError, NotYet, passing, wait
from hashistack import Failure

ENDED = ("complete", "failed", "lost")


def create(given):
    job_id, namespace = given["jobId"], given["namespace"]
    nomad = Api("nomad", given["nomad"])
    title = "job %s in namespace %s" % (job_id, namespace)
    variables = variables_text(given["variables"])
    job = _checked(nomad, title, given["hcl"], variables, job_id, namespace)
    failed = _failed_version(nomad, job_id, namespace)
    if failed is not None:
        # The same job again would be no new version, and so no new deployment.
        job["Meta"] = dict(job.get("Meta") or {}, retried_version=str(failed))
    planned = _refusable(title, nomad, "PUT", _path(job_id, namespace, "/plan"), {"Job": job, "Diff": False})
    submission = {"Source": given["hcl"], "Format": "hcl2", "Variables": variables}
    body = {
        "Job": job,
        "Submission": submission,
        "EnforceIndex": True,
        "JobModifyIndex": planned["JobModifyIndex"],
    }
    deadline = time.monotonic() + given["timeoutSeconds"]
    answer = _refusable(title, nomad, "POST", "/v1/jobs?namespace=" + _quoted(namespace), body)
    version = nomad.get(_path(job_id, namespace))["Version"]
    try:
        healthy(nomad, job_id, namespace, version, answer.get("EvalID"), deadline - time.monotonic())
        for service in given.get("services") or []:
            consul = Api("consul", given["consul"])
            what = "%s passing %d times in Consul" % (service["name"], service["passing"])
            wait(what, lambda: passing(consul, service), deadline - time.monotonic())
    except Failure as failure:
        raise Failure("%s: %s" % (title, failure), failure.log or explain(nomad, job_id, namespace, version)) from None


def delete(given):
    job_id, namespace = given["jobId"], given["namespace"]
    nomad = Api("nomad", given["nomad"])
    nomad.delete(_path(job_id, namespace, "", purge="true"))

    def stopped():
        left = [a["Name"] for a in _allocations(nomad, job_id, namespace) if a["ClientStatus"] not in ENDED]
        if left:
            raise NotYet("%d allocations still run: %s" % (len(left), ", ".join(sorted(left))))

    wait("job %s in namespace %s: stopped" % (job_id, namespace), stopped, given["timeoutSeconds"])


def variables_text(variables):
    """A variables file; JSON's literals are HCL's, but for the opening of a template and some escapes."""
    unknown = {"\\b": "\\u0008", "\\f": "\\u000c"}

    def literal(value):
        # As it is, for HCL knows no pairs of \u.
        text = json.dumps(value, ensure_ascii=False)
        text = re.sub(r"\\.", lambda escape: unknown.get(escape[0], escape[0]), text)
        return text.replace("${", "$${").replace("%{", "%%{")

    return "".join("%s = %s\n" % (name, literal(value)) for name, value in sorted(variables.items()))


def _checked(nomad, title, hcl, variables, job_id, namespace):
    body = {"JobHCL": hcl, "Variables": variables, "Canonicalize": True}
    job = _refusable(title, nomad, "POST", "/v1/jobs/parse?namespace=" + _quoted(namespace), body)
    if (job["ID"], job.get("Namespace") or "default") != (job_id, namespace):
        raise Failure("%s: its file says job %s in namespace %s" % (title, job["ID"], job.get("Namespace")))
    return job


def _failed_version(nomad, job_id, namespace):
    present = nomad.get(_path(job_id, namespace), missing=(404,))
    deployment = nomad.get(_path(job_id, namespace, "/deployment"), missing=(404,)) if present else None
    if deployment and deployment["Status"] in ("failed", "cancelled") and deployment["JobVersion"] == present["Version"]:
        return present["Version"]
    return None


def _refusable(title, nomad, method, path, body):
    """Nomad's own words are the error when it refuses a job."""
    try:
        return nomad.request(method, path, body, timeout=30)
    except HttpError as error:
        if error.status in (400, 500):
            raise Failure("%s: Nomad refuses it: %s" % (title, error.text.strip())) from None
        raise


def healthy(nomad, job_id, namespace, version, evaluation, seconds):
    """Waits for this version's deployment, or for all its allocations where that does not tell."""
    asked = set()

    def good():
        if evaluation:
            state = nomad.get("/v1/evaluation/%s?namespace=%s" % (evaluation, _quoted(namespace)))
            if state["Status"] in ("failed", "canceled"):
                raise Failure("Nomad could not place it: %s" % state.get("StatusDescription"))
            if state["Status"] != "complete":
                raise NotYet("its evaluation is %s" % state["Status"])
        job = nomad.get(_path(job_id, namespace))
        if job["Version"] != version:  # with auto_revert, Nomad makes the last good one a newer version
            raise Failure(_overtaken(nomad, job_id, namespace, version))
        deployment = nomad.get(_path(job_id, namespace, "/deployment"))
        if deployment and deployment["JobVersion"] != version:
            deployment = None
        if deployment and deployment["Status"] in ("failed", "cancelled"):
            raise Failure("its deployment %s" % deployment["StatusDescription"])
        if job["Type"] == "system":
            return _everywhere(nomad, job, namespace, deployment, asked)
        if deployment:
            if deployment["Status"] == "successful":
                return
            groups = deployment["TaskGroups"].items()
            raise NotYet(
                ", ".join("%s: %d of %d healthy" % (n, g["HealthyAllocs"], g["DesiredTotal"]) for n, g in sorted(groups))
                + _unplaced(nomad, job_id, namespace)
            )
        _all_run(nomad, job, namespace)

    wait("healthy", good, seconds)


def _overtaken(nomad, job_id, namespace, version):
    """Why another version stands where this one was put."""
    mine = [d for d in nomad.get(_path(job_id, namespace, "/deployments")) or [] if d["JobVersion"] == version]
    if mine and mine[0]["Status"] in ("failed", "cancelled"):
        return "its deployment %s" % mine[0]["StatusDescription"]
    return "its version %d was replaced by another while it was waited for" % version


def _everywhere(nomad, job, namespace, deployment, asked):
    """Each node's allocation by its own word. The deployment counts the nodes of one moment, and may lose one of them for
    good though all are well (https://github.com/hashicorp/nomad/issues/27382)."""
    counts = deployment is not None and deployment["Status"] == "running"
    placed = [
        a
        for a in _allocations(nomad, job["ID"], namespace)
        if a["DesiredStatus"] == "run" and a["ClientStatus"] not in ("complete", "lost") and not a.get("NextAllocation")
    ]
    new = [a for a in placed if a["JobVersion"] == job["Version"]]
    good = [a for a in new if _serves(a, counts)]
    if new and len(good) == len(placed):
        return
    if not counts and new and len(good) == len(new) and len(good) not in asked:
        # After a failed deployment there is none, and so nobody who asks for the next node's turn
        # (https://github.com/hashicorp/nomad/issues/28538).
        asked.add(len(good))
        path = _path(job["ID"], namespace, "/evaluate")
        nomad.request("POST", path, {"JobID": job["ID"], "Namespace": namespace})
    raise NotYet("%d of %d allocations healthy%s" % (len(good), len(placed), _unplaced(nomad, job["ID"], namespace)))


def _serves(allocation, health_is_told):
    health = (allocation.get("DeploymentStatus") or {}).get("Healthy")
    return allocation["ClientStatus"] == "running" and (health is True or (health is None and not health_is_told))


def _all_run(nomad, job, namespace):
    """For jobs without deployments. A batch job is good when it has completed."""
    wanted = ("complete",) if job["Type"] in ("batch", "sysbatch") else ("running",)
    current = [a for a in _allocations(nomad, job["ID"], namespace) if a["JobVersion"] == job["Version"]]
    if job["Type"] in ("batch", "sysbatch") and not job.get("Periodic"):
        failed = [a["Name"] for a in current if a["ClientStatus"] == "failed" and not a.get("NextAllocation")]
        if failed and job.get("Status") == "dead":
            raise Failure("%s failed" % ", ".join(failed))
    if job.get("Periodic") or job.get("ParameterizedJob"):
        return
    replaced = [a for a in current if a["DesiredStatus"] == "run" and not a.get("NextAllocation")]
    good = [a for a in replaced if a["ClientStatus"] in wanted]
    if not replaced or len(good) < len(replaced):
        raise NotYet(
            "%d of %d allocations %s%s"
            % (len(good), len(replaced), wanted[0], _unplaced(nomad, job["ID"], namespace))
        )


def _unplaced(nomad, job_id, namespace):
    """Why the scheduler found no place, in a few words."""
    reasons = []
    for evaluation in nomad.get(_path(job_id, namespace, "/evaluations")) or []:
        if evaluation["Status"] != "blocked":
            continue
        for group, metric in (evaluation.get("FailedTGAllocs") or {}).items():
            causes = dict(metric.get("ConstraintFiltered") or {}, **(metric.get("DimensionExhausted") or {}))
            causes.update(metric.get("ClassFiltered") or {})
            said = ", ".join("%s on %d" % item for item in sorted(causes.items())) or "no node fits"
            reasons.append("; %s has no place (%d nodes: %s)" % (group, metric.get("NodesEvaluated", 0), said))
    return "".join(reasons[:1])


def explain(nomad, job_id, namespace, version):
    """The version's newest allocation that is not well: its events, and the last lines that its task wrote."""
    try:
        ill = [a for a in _allocations(nomad, job_id, namespace) if a["JobVersion"] == version and not _well(a)]
        if not ill:
            return ""
        worst = max(ill, key=lambda a: a["CreateIndex"])
        lines = ["%s on %s: %s" % (worst["Name"], worst.get("NodeName"), worst["ClientStatus"])]
        for task, state in sorted((worst.get("TaskStates") or {}).items()):
            for event in (state.get("Events") or [])[-6:]:
                lines.append("%s: %s: %s" % (task, event["Type"], event.get("DisplayMessage", "")))
            if any(event["Type"] == "Started" for event in state.get("Events") or []):
                lines += ["%s: %s" % (task, line) for line in _tail(nomad, worst["ID"], task, namespace)]
        return "\n".join(lines)
    except Failure as failure:
        return "its allocations could not be read: %s" % failure


def _well(allocation):
    health = (allocation.get("DeploymentStatus") or {}).get("Healthy")
    if allocation["ClientStatus"] == "complete":
        return health is not False
    return allocation["ClientStatus"] == "running" and health is not False and not any(
        state.get("Restarts") for state in (allocation.get("TaskStates") or {}).values()
    )


def _tail(nomad, allocation, task, namespace):
    path = "/v1/client/fs/logs/%s?task=%s&type=stderr&plain=true&origin=end&offset=3000&namespace=%s"
    try:
        answer = nomad.call("GET", path % (allocation, _quoted(task), _quoted(namespace)))
    except Failure as failure:
        return ["(no log: %s)" % failure]
    return answer.text.splitlines()[-12:]


def _allocations(nomad, job_id, namespace):
    return nomad.get(_path(job_id, namespace, "/allocations", all="true"), missing=(404,)) or []


def _path(job_id, namespace, rest="", **query):
    return "/v1/job/%s%s?%s" % (_quoted(job_id), rest, urllib.parse.urlencode(dict(query, namespace=namespace)))


def _quoted(text):
    return urllib.parse.quote(text, safe="")
