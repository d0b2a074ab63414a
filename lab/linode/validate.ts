import { ApiError, type Reason } from "./errors.js";

/** A schema of yup, as @linode/validation exports them. */
interface Schema {
  validateSync(value: unknown, options: { abortEarly: boolean; strict: boolean }): unknown;
}

/** Yup's error: several in `inner`, or one of its own. */
interface Failure {
  readonly name: "ValidationError";
  readonly path?: string;
  readonly errors: readonly string[];
  readonly inner: readonly Failure[];
}

/**
 * Refuses a body that Linode's own request schema refuses, with all that is wrong.
 *
 * Strict, for a number in quotes is none. A JSON null says as much as a missing property: clients send either.
 */
export function validate(schema: Schema, body: unknown): void {
  try {
    schema.validateSync(withoutNull(body), { abortEarly: false, strict: true });
  } catch (error) {
    if ((error as Failure).name !== "ValidationError") throw error;
    const failure = error as Failure;
    const failures = failure.inner.length > 0 ? failure.inner : [failure];
    throw new ApiError(
      400,
      failures.flatMap(({ path, errors }) =>
        // Some of the schemas' tests have no words.
        errors.map((words): Reason => {
          const reason = words || "Invalid value.";
          return path ? { field: path.replaceAll('"', ""), reason } : { reason };
        }),
      ),
    );
  }
}

function withoutNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNull);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutNull(inner)]),
  );
}
