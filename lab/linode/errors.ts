/** One thing that is wrong, as Linode says it. */
export interface Reason {
  /** Path of the body's property. */
  readonly field?: string;
  readonly reason: string;
}

/** A refusal in Linode's format: a status and `{"errors": [{"field", "reason"}]}`. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly reasons: readonly Reason[],
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(reasons.map(({ field, reason }) => (field ? `${field}: ${reason}` : reason)).join(" "));
  }
}

/** 400, with the property that is at fault where there is one. */
export const refuse = (reason: string, field?: string): never => {
  throw new ApiError(400, [field ? { field, reason } : { reason }]);
};

/** 404 as Linode says it, for an unknown path and for an unknown id. */
export const notFound = (): ApiError => new ApiError(404, [{ reason: "Not found" }]);
