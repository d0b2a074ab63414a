import { loopbackPorts, openPorts, portText } from "./ports";

/** The ports table for the documentation, in Markdown. Ends with a newline. */
export function portsMarkdown(): string {
  const rows = openPorts.map((line) => [
    line.service,
    `${portText(line.port)}/${line.protocols.join("+")}`,
    line.to,
    line.from.join(", "),
    line.why,
    line.clear ?? "",
  ]);
  const loopback = loopbackPorts.map((line) => [line.service, String(line.port)]);
  return [
    ...table(["Service", "Port", "On", "From", "Why", "In clear, because"], rows),
    "",
    "Loopback only, in no zone:",
    "",
    ...table(["Service", "Port"], loopback),
    "",
  ].join("\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
}
