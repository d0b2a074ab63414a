import * as pulumi from "@pulumi/pulumi";
import { inputOf, type ServiceAccess, type SupportAccess, supportProgram } from "../bootstrap/access";
import type { JobSpec } from "./artifact";

export interface JobService {
  name: string;
  passing: number;
}

export interface NomadJobArgs {
  /** The machine from which it is run. */
  support: SupportAccess;
  /** Nomad's API with a token that may run jobs in the job's namespace. */
  nomad: pulumi.Input<ServiceAccess>;
  /** The job's ID, as its file says. Another ID is another job. */
  jobId: string;
  /** Nomad namespace, as the job's file says. */
  namespace: string;
  /** The job: its file, and the values of its variables. */
  spec: pulumi.Input<JobSpec>;
  /** Consul's API, where `services` are waited for. */
  consul?: pulumi.Input<ServiceAccess>;
  /** Services of Consul that must pass their checks this many times before the job counts as there. */
  services?: pulumi.Input<JobService[]>;
  /** Whether, under another ID, the former job ends before this one begins: both want the same ports. Default: false. */
  endsFirst?: boolean;
  /** Limit for its deployment to become healthy, and for its tasks to stop. Default 180. */
  timeoutSeconds?: number;
}

/**
 * A job that runs. Nomad parses and plans it, it is registered, and is there when its deployment is healthy; what keeps
 * it from that, a failing allocation's events and last lines, is in the error. With the resource the job is stopped and
 * purged.
 *
 * @example
 * new NomadJob("website", { support, nomad, jobId: "website", namespace: "website", spec: websiteJob({ … }) });
 */
export class NomadJob extends pulumi.ComponentResource {
  /** The job's ID, once it is healthy. */
  public readonly jobId: pulumi.Output<string>;

  constructor(name: string, args: NomadJobArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pulumi-hashistack:index:NomadJob", name, {}, opts);
    const seconds = args.timeoutSeconds ?? 180;
    const spec = pulumi.output(args.spec);
    const run = supportProgram(
      name,
      args.support,
      {
        program: "nomad_job",
        input: inputOf({
          nomad: args.nomad,
          hcl: spec.hcl,
          variables: spec.variables,
          jobId: args.jobId,
          namespace: args.namespace,
          ...(args.services ? { consul: args.consul, services: args.services } : {}),
          timeoutSeconds: seconds,
        }),
        timeoutSeconds: seconds + 60,
        onDelete: true,
        triggers: [args.namespace, args.jobId],
      },
      { parent: this, dependsOn: opts?.dependsOn, deleteBeforeReplace: args.endsFirst },
    );
    this.jobId = run.stdout.apply(() => args.jobId);
    this.registerOutputs({ jobId: this.jobId });
  }
}
