import { type JsonAttributeObject, Name } from "@peculiar/x509";

/** A distinguished name, with the properties of the SDK's type `CertRequestSubject`. */
export interface Subject {
  readonly commonName?: string;
  readonly country?: string;
  readonly emailAddress?: string;
  readonly locality?: string;
  readonly organization?: string;
  readonly organizationalUnit?: string;
  readonly postalCode?: string;
  readonly province?: string;
  readonly serialNumber?: string;
  readonly streetAddresses?: readonly string[];
}

/** Object identifiers in the order in which Go's pkix.Name writes them; the e-mail address comes last. */
const order: readonly (readonly [keyof Subject, string])[] = [
  ["country", "2.5.4.6"],
  ["organization", "2.5.4.10"],
  ["organizationalUnit", "2.5.4.11"],
  ["locality", "2.5.4.7"],
  ["province", "2.5.4.8"],
  ["streetAddresses", "2.5.4.9"],
  ["postalCode", "2.5.4.17"],
  ["commonName", "2.5.4.3"],
  ["serialNumber", "2.5.4.5"],
  ["emailAddress", "1.2.840.113549.1.9.1"],
];

/** Encodes a subject; an empty one gives an empty name. */
export function encodeSubject(subject: Subject): Name {
  const name = order.flatMap(([property, oid]) => {
    const value = subject[property] ?? [];
    const values = typeof value === "string" ? [value] : value;
    const encoded = values.filter((one) => one !== "").map((one) => encode(property, one));
    return encoded.length > 0 ? [{ [oid]: encoded }] : [];
  });
  return new Name(name);
}

// Given as objects, since the library reads quotes and backslashes in plain strings as escapes.
function encode(property: keyof Subject, value: string): JsonAttributeObject {
  if (property === "emailAddress") {
    return { ia5String: value };
  }
  return Name.isPrintableString(value) ? { printableString: value } : { utf8String: value };
}
