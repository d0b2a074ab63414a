// An ES module: named imports of a package that is CommonJS.
import * as pulumi from "@pulumi/pulumi";
import { Cluster, NomadJob, parseSettings, ServiceAuthority } from "pulumi-hashistack";

const { name } = parseSettings({
  name: "modern",
  groups: {
    support: { roles: ["support"], keys: ["a"] },
    server: { roles: ["consul-server", "vault-server", "nomad-server"], keys: ["a"] },
    worker: { roles: ["nomad-client"], keys: ["a"] },
  },
  site: { enabled: false },
});
const authority = new ServiceAuthority("mail", { service: "mail", organization: name });

export const root = authority.rootPem;
export const components = [Cluster, NomadJob].every(
  (each) => each.prototype instanceof pulumi.ComponentResource,
);
