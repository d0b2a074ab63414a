import { notFound, refuse } from "./errors.js";

/** What a request asks of a list. */
export interface Listing {
  readonly page: number;
  readonly pageSize: number;
  /** The header X-Filter, parsed; an empty object where there is none. */
  readonly filter: Readonly<Record<string, unknown>>;
}

/** A page of a list as Linode answers it. */
export interface Page {
  readonly data: readonly object[];
  readonly page: number;
  readonly pages: number;
  readonly results: number;
}

/** Reads page and filter of a request. Limits: https://techdocs.akamai.com/linode-api/reference/pagination */
export function readListing(query: URLSearchParams, header: string | undefined): Listing {
  const page = whole(query.get("page") ?? "1");
  const pageSize = whole(query.get("page_size") ?? "100");
  if (page < 1) refuse("Must be 1 or greater.", "page");
  if (pageSize < 25 || pageSize > 500) refuse("Must be between 25 and 500.", "page_size");
  let filter: unknown = {};
  try {
    if (header) filter = JSON.parse(header);
  } catch {
    refuse("Cannot parse filter: it is not JSON.", "X-Filter");
  }
  if (typeof filter !== "object" || filter === null || Array.isArray(filter))
    refuse("Cannot parse filter: it is not an object.", "X-Filter");
  return { page, pageSize, filter: filter as Record<string, unknown> };
}

const whole = (text: string): number => (/^\d+$/.test(text) ? Number(text) : 0);

/** The page that was asked for, of what passes the filter, in its order. */
export function list(items: readonly object[], { page, pageSize, filter }: Listing): Page {
  const found = items.filter((item) => passes(item, filter));
  const by = filter["+order_by"];
  if (typeof by === "string") {
    const sign = filter["+order"] === "desc" ? -1 : 1;
    // Things of one second keep an order: their ids were given in it.
    found.sort((a, b) => sign * (compare(at(a, by), at(b, by)) || compare(at(a, "id"), at(b, "id"))));
  }
  const pages = Math.max(1, Math.ceil(found.length / pageSize));
  if (page > pages) throw notFound();
  return { data: found.slice((page - 1) * pageSize, page * pageSize), page, pages, results: found.length };
}

function passes(item: object, filter: unknown): boolean {
  if (typeof filter !== "object" || filter === null) return refuse("Filters must be objects.", "X-Filter");
  return Object.entries(filter).every(([key, wanted]) => {
    if (key === "+order_by" || key === "+order") return true;
    if (key === "+and") return parts(wanted).every((part) => passes(item, part));
    if (key === "+or") return parts(wanted).some((part) => passes(item, part));
    if (key.startsWith("+")) return refuse(`Unknown operator ${key}.`, "X-Filter");
    return holds(at(item, key), wanted);
  });
}

const parts = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : refuse("+and and +or take a list.", "X-Filter");

function holds(value: unknown, wanted: unknown): boolean {
  // A list of words, as tags are, holds each of them.
  if (Array.isArray(value)) return value.some((one) => holds(one, wanted));
  if (typeof wanted !== "object" || wanted === null) return same(value, wanted);
  return Object.entries(wanted).every(([operator, operand]) => {
    switch (operator) {
      case "+eq":
        return same(value, operand);
      case "+neq":
        return !same(value, operand);
      case "+gt":
        return compare(value, operand) > 0;
      case "+gte":
        return compare(value, operand) >= 0;
      case "+lt":
        return compare(value, operand) < 0;
      case "+lte":
        return compare(value, operand) <= 0;
      case "+contains":
        return String(value).toLowerCase().includes(String(operand).toLowerCase());
      default:
        return refuse(`Unknown operator ${operator}.`, "X-Filter");
    }
  });
}

const same = (value: unknown, wanted: unknown): boolean =>
  value === wanted || (value !== null && value !== undefined && String(value) === String(wanted));

/** Numbers by size, all else as text: Linode's times sort as text. */
function compare(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [one, other] = [String(a ?? ""), String(b ?? "")];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** A property by its path. Example: "entity.id". */
const at = (item: object, path: string): unknown =>
  path
    .split(".")
    .reduce<unknown>(
      (value, key) =>
        typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined,
      item,
    );
