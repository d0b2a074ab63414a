/** Blanks out secrets in what others say. */
export function withoutSecrets(said: string, secrets: readonly string[]): string {
  // Short values would blank out ordinary words, and are no secrets.
  return secrets.filter((one) => one.length >= 8).reduce((text, one) => text.replaceAll(one, "…"), said);
}

/** Every text inside a value. */
export function texts(value: unknown): string[] {
  if (typeof value === "string") {
    return [value];
  }
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(texts) : [];
}
