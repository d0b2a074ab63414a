import * as tls from "@pulumi/tls";
import { NomadJob, type SupportAccess } from "pulumi-hashistack";

// A cluster that somebody else has made: what this program is told of it.
const key = new tls.PrivateKey("login", { algorithm: "ED25519" });
const support: SupportAccess = {
  machine: "support-a",
  connection: key.privateKeyOpenssh.apply((privateKey) => ({
    host: "127.77.0.2",
    user: "ops",
    privateKey,
    hostKey: "ssh-ed25519 AAAA",
  })),
  resource: key,
};

export const id = new NomadJob("hello", {
  support,
  nomad: { addresses: ["198.51.100.3:4646"], caPem: "", serverName: "server.global.nomad", token: "" },
  jobId: "hello",
  namespace: "default",
  spec: { id: "hello", namespace: "default", hcl: 'job "hello" {}', variables: {} },
}).jobId;
