/**
 * One preview in a process of its own, so that its memory can be told: the real Cluster with mocks in the engine's
 * place. Argument: how many clients. Prints one JSON document: `PreviewRun`.
 */
import * as pulumi from "@pulumi/pulumi";
import { previewSettings } from "./settings";

export interface PreviewRun {
  readonly clients: number;
  /** Seconds from the program's first line to the last resource; loading the library is not in it. */
  readonly seconds: number;
  /** Seconds to load the library. */
  readonly loadSeconds: number;
  /** Peak of the process's resident memory, MiB. */
  readonly peakMb: number;
  /** Resources that plugins manage. */
  readonly resources: number;
  /** Frames around them, which only the state knows. */
  readonly components: number;
}

const count = { resources: 0, components: 0 };
const pem = "-----BEGIN CERTIFICATE-----\nbW9jaw==\n-----END CERTIFICATE-----\n";

/** What the plugins would have answered: as long as the real thing, and different for each machine. */
function stateOf({ type, name, inputs }: pulumi.runtime.MockResourceArgs): Record<string, unknown> {
  switch (type) {
    case "command:local:Command": {
      const n = count.resources;
      const answer = {
        id: `${name}.0a1b2c3d`,
        name,
        privateIpv4: `10.80.${n >> 8}.${n & 255}`,
        privateIpv6: `fd00:1ab::${n.toString(16)}`,
        publicIpv4: `203.0.113.${n & 255}`,
        publicIpv6: `fd00:1ab:77::${n.toString(16)}`,
        forwardAddress: `127.77.1.${n & 255}`,
      };
      return { ...inputs, stdout: JSON.stringify(answer), stderr: "" };
    }
    case "command:remote:Command":
      return { ...inputs, stdout: "{}", stderr: "" };
    case "random:index/randomId:RandomId":
      return { ...inputs, hex: `${inputs.prefix ?? ""}0a1b2c3d`, dec: "1", b64Std: "AQ==", b64Url: "AQ" };
    case "random:index/randomPassword:RandomPassword":
      return { ...inputs, result: "m".repeat(Number(inputs.length)) };
    case "random:index/randomUuid:RandomUuid":
      return { ...inputs, result: "01234567-89ab-4cde-8f01-23456789abcd" };
    case "tls:index/privateKey:PrivateKey":
      return {
        ...inputs,
        privateKeyPem: pem.repeat(2),
        publicKeyPem: pem,
        privateKeyOpenssh: pem.repeat(4),
        publicKeyOpenssh: `ssh-ed25519 ${"A".repeat(68)}\n`,
      };
    default:
      return type.startsWith("tls:") ? { ...inputs, certPem: pem, certRequestPem: pem } : inputs;
  }
}

async function main(clients: number): Promise<void> {
  await pulumi.runtime.setMocks(
    {
      newResource: (args) => {
        count[args.custom ? "resources" : "components"] += 1;
        return { id: `${args.name}-id`, state: stateOf(args) };
      },
      call: ({ inputs }) => inputs,
    },
    "hashistack",
    "bench",
    true,
  );
  const loading = performance.now();
  const { Cluster } = await import("../../components/cluster.js");
  const { parseSettings } = await import("../../components/settings.js");
  const begun = performance.now();
  const settings = parseSettings(previewSettings(clients));
  new Cluster(settings.name, { settings });
  // Waits for every resource that was asked for, and for those that they ask for.
  await pulumi.runtime.disconnect();
  const run: PreviewRun = {
    clients,
    seconds: (performance.now() - begun) / 1000,
    loadSeconds: (begun - loading) / 1000,
    peakMb: process.resourceUsage().maxRSS / 1024,
    ...count,
  };
  process.stdout.write(`${JSON.stringify(run)}\n`);
}

main(Number(process.argv[2])).catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
