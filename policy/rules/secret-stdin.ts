import type { Rule } from "../lib/rule";

const called = /(token|passw(or)?d|secret|private_?key|api_?key|credential)/i;

export const secretStdin: Rule = {
  name: "secret-stdin",
  what: "What a command is told on its standard input, and by variables that are called secrets, is marked as secret.",
  why: "It is the way by which secrets should travel; unmarked, they lie in clear in the state.",
  remediation: "Wrap stdin, and such values of environment, in pulumi.secret.",
  severity: "high",
  level: "mandatory",
  types: ["command:remote:Command", "command:local:Command"],
  resource({ props }, { violation, each, notKnownYet }) {
    each(props.has("stdin") ? ["stdin"] : [], (path) => {
      if (!props.isSecret(path)) violation("stdin is not marked as secret");
    });
    const undecided = (path: string) => {
      if (path === "environment" || (path.startsWith("environment.") && called.test(path))) notKnownYet(path);
    };
    for (const { path, key, secret } of props.leaves(undecided)) {
      if (path.startsWith("environment.") && called.test(key) && !secret)
        violation(`${path} is called a secret, and is not marked as one`);
    }
  },
};
