/** What a run tells at its end. Pure text. */
import type { EngineError, EngineResult } from "./engine";
import { humanSeconds } from "./progress";

const WORDS: Readonly<Record<string, string>> = {
  create: "created",
  update: "updated",
  delete: "deleted",
  replace: "replaced",
  same: "unchanged",
};

/** How a command that is printed names the stack: not at all where it is the default one. Example: " --stack prod". */
export function stackFlag(stack: string): string {
  return stack === "dev" ? "" : ` --stack ${stack}`;
}

/** Example: "12 created, 3 unchanged". "no resources" for an empty summary. */
export function summaryText(summary: Readonly<Record<string, number>>): string {
  const parts = Object.entries(summary)
    .filter(([, count]) => count > 0)
    .map(([op, count]) => `${count} ${WORDS[op] ?? op}`);
  return parts.join(", ") || "no resources";
}

/** Whether nothing was changed. */
export function unchanged(summary: Readonly<Record<string, number>>): boolean {
  return Object.entries(summary).every(([op, count]) => op === "same" || count === 0);
}

/** Failures whole, the last of them last, then what ended. A cancelled run only names what it did not finish. */
export function failureText(error: EngineError): string {
  if (error.exitCode === 130) {
    const names = error.failures.flatMap((failure) => failure.resource ?? []);
    return names.length > 0 ? `${error.message}; not finished: ${names.join(", ")}` : error.message;
  }
  // One cause often breaks the same thing on every machine: it is said once.
  const causes = new Map<string, string[]>();
  for (const { resource, message } of error.failures) {
    const text = message.trimEnd();
    const cause = resource && text.startsWith(`${resource}: `) ? text.slice(resource.length + 2) : text;
    causes.set(cause, [...(causes.get(cause) ?? []), ...(resource ? [resource] : [])]);
  }
  const blocks = [...causes].map(([cause, resources]) => {
    if (resources.length === 0) return cause;
    const lines = cause.split("\n");
    const head = resources.sort().join(", ");
    return lines.length === 1 && resources.length === 1
      ? `${head}: ${cause}`
      : `${head}:\n${lines.map((line) => `  ${line}`).join("\n")}`;
  });
  return [...blocks, error.message].filter(Boolean).join("\n\n");
}

/**
 * The end of `up`: what was done, and what the user wants next.
 * @param siteCa file with the authority of the site's certificate, if the site has one of the cluster's own
 */
export function upText(result: EngineResult, stack: string, siteCa?: string): string {
  const { outputs } = result;
  const flag = stackFlag(stack);
  const lines = [
    `Stack "${stack}" is up: ${summaryText(result.summary)}, in ${humanSeconds(result.seconds)}.`,
    ...result.warnings.map((warning) => `warning: ${warning}`),
  ];
  if (typeof outputs.siteUrl === "string") {
    lines.push("", `  Site        ${outputs.siteUrl}`);
    if (siteCa) lines.push(`              its authority, for a browser or curl --cacert: ${siteCa}`);
  }
  const apis = (outputs.apis ?? {}) as Record<string, { address?: string } | undefined>;
  for (const [name, label] of [
    ["nomad", "Nomad"],
    ["consul", "Consul"],
    ["vault", "Vault"],
  ] as const) {
    const address = apis[name]?.address;
    if (address) lines.push(`  ${label.padEnd(10)}  ${address}`);
  }
  lines.push(
    "",
    `  Tools       npx hashistack exec${flag} -- nomad node status    (consul, vault and curl too)`,
    `  Shell       eval "$(npx hashistack env${flag})"`,
    `  Web pages   npx hashistack ui${flag}`,
    `  State       npx hashistack status${flag}`,
    `  Machines    npx hashistack ssh${flag} ${firstMachine(outputs)}`,
    `  Tokens      the stack's secret outputs: npx hashistack exec${flag} -- pulumi stack output --show-secrets`,
  );
  return lines.join("\n");
}

function firstMachine(outputs: Readonly<Record<string, unknown>>): string {
  const support = outputs.support as { name?: string } | undefined;
  return support?.name ?? "support";
}
