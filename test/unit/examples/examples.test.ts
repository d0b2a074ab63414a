import { existsSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { type Deployment, deploy } from "../cluster/deployment";
import { configOf, root } from "../settings/stack-files";

/** The examples, previewed against mocks as a first `pulumi preview`. The compiler looks at them with `npm run types`. */

const folder = path.join(root, "examples");
const examples = readdirSync(folder).filter((name) => existsSync(path.join(folder, name, "index.ts")));

const load: Record<string, () => Promise<object>> = {
  "own-job": () => import("../../../examples/own-job/index.js"),
  openstack: () => import("../../../examples/openstack/index.js"),
  pki: () => import("../../../examples/pki/index.js"),
  policy: () => import("../../../examples/policy/index.js"),
  smallest: () => import("../../../examples/smallest/index.js"),
};

/** What each must make, of those things that it is there for: kind, and how many. */
const made: Record<string, Record<string, number>> = {
  "own-job": { Cluster: 1, ClusterMachine: 4, NomadJob: 3, Site: 1 },
  openstack: { Cluster: 1, ClusterMachine: 8, Site: 1, "openstack.compute.Instance": 8 },
  pki: { ServiceAuthority: 2, "tls.SelfSignedCert": 2, "tls.LocallySignedCert": 3 },
  policy: { "linode.Firewall": 1, "linode.Instance": 1 },
  smallest: { Cluster: 1, ClusterMachine: 3, "local.Command": 3 },
};

test("each is told of, and tried here", () => {
  const told = readFileSync(path.join(folder, "README.md"), "utf8");
  for (const name of readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
    expect(told).toContain(`](${name.name}/`);
  }
  expect(Object.keys(load).sort()).toEqual(examples.sort());
  expect(Object.keys(made).sort()).toEqual(examples.sort());
});

describe.each(examples)("%s", (name) => {
  test("a first preview shows all that it is there for", async () => {
    const settings = readdirSync(path.join(folder, name)).find((file) => /^Pulumi\..+\.yaml$/.test(file));
    const config = settings ? configOf(`examples/${name}/${settings}`) : {};
    const deployment: Deployment = await deploy(config, true, { program: load[name] });
    const counted = Object.fromEntries(
      Object.keys(made[name] ?? {}).map((kind) => [
        kind,
        deployment.resources.filter((one) => one.kind === kind).length,
      ]),
    );
    expect(counted).toEqual(made[name]);
  });

  test("it is a project that names its main file, and asks for the versions that are tested here", () => {
    expect(readFileSync(path.join(folder, name, "Pulumi.yaml"), "utf8")).toMatch(/^main: index\.ts$/m);
    const file = path.join(folder, name, "package.json");
    if (!existsSync(file)) return;
    const own = JSON.parse(readFileSync(file, "utf8"));
    const whole = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
    const ours = ["pulumi-hashistack", "pulumi-hashistack-policy", "hashistack", "hashistack-lab"];
    for (const [dependency, range] of Object.entries({ ...own.dependencies, ...own.devDependencies })) {
      const wanted = ours.includes(dependency)
        ? `^${whole.version}`
        : (whole.peerDependencies[dependency] ?? `^${whole.devDependencies[dependency]}`);
      expect(`${dependency} ${range}`).toBe(
        dependency === "@types/node" ? "@types/node ^24.0.0" : `${dependency} ${wanted}`,
      );
    }
  });
});
