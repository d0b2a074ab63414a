/** Secrets that are known by their look. Few and sure: a false alarm teaches people not to look. */

const looks: readonly { what: string; look: RegExp }[] = [
  { what: "a private key", look: /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/ },
  { what: "a token of Vault", look: /\bhv[sbr]\.[A-Za-z0-9_-]{20,}/ },
  { what: "a password in an address", look: /\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@"'$]+:[^\s/@"'${}]{4,}@/ },
];

/** Assignments of what is called a secret to something that is no variable. */
const assigned =
  /\b([A-Za-z_-]*(?:token|passwd|password|secret(?:_?id)?|api_?key|encrypt))["']?\s*[:=]\s*["']?(?![$<{"']|var\.|local\.|\/\w+\/)[\w+/.~-]{8,}/i;

/** Whether a text holds what can only be a secret. Example: "a private key". */
export function secretIn(text: string): string | undefined {
  return looks.find(({ look }) => look.test(text))?.what;
}

/** The same, and what is called a secret. Example: 'the value of "CONSUL_HTTP_TOKEN"'. */
export function secretOrAssignment(text: string): string | undefined {
  const name = assigned.exec(text)?.[1];
  return secretIn(text) ?? (name ? `the value of "${name}"` : undefined);
}

/** A text that may be base64: as it is meant. */
export function decoded(text: string): string {
  if (!/^[A-Za-z0-9+/\s]{16,}={0,2}\s*$/.test(text)) return text;
  const plain = Buffer.from(text, "base64").toString("utf8");
  return plain.includes("\uFFFD") ? text : plain;
}
