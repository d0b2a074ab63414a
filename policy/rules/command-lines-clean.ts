import type { Rule } from "../lib/rule";
import { secretOrAssignment } from "../lib/secrets";

const lines = ["create", "update", "delete"];

export const commandLinesClean: Rule = {
  name: "command-lines-clean",
  what: "A command's text holds no secret, and is not marked as one.",
  why: "Every user of the machine sees the arguments of its processes, and shells keep them in their history.",
  remediation: "Send the secret by stdin, and read it there.",
  severity: "high",
  level: "mandatory",
  types: ["command:remote:Command", "command:local:Command"],
  resource({ props }, { violation, each }) {
    each(
      lines.filter((path) => props.has(path)),
      (path) => {
        // Only what was made of a secret is marked.
        if (props.isSecret(path)) violation(`${path} is made of a secret`);
        const found = secretOrAssignment(props.text(path) ?? "");
        if (found) violation(`${path} holds ${found}`);
      },
    );
  },
};
