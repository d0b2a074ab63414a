import { remoteCommands } from "../lib/clouds";
import type { Rule } from "../lib/rule";

export const hostKeys: Rule = {
  name: "host-keys",
  what: "Every SSH connection names the host key that it expects, on the way through a jump host, too.",
  why: "Without it whoever stands on the way is the machine, and gets every secret that is sent there.",
  remediation:
    "Set hostKey of the connection and of its proxy, for example to the publicKeyOpenssh of a tls.PrivateKey.",
  severity: "critical",
  level: "mandatory",
  types: remoteCommands,
  resource({ props }, { violation, each }) {
    each(["connection", "connection.proxy"], (path) => {
      if (!props.has(path)) return;
      if (!props.text(`${path}.hostKey`)) violation(`${path} of this command has no hostKey`);
    });
  },
};
