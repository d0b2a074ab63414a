import * as ipaddr from "ipaddr.js";

/** An address by its number in a network. Example: numbered("198.51.100.0/24", 2) is "198.51.100.2". */
export function numbered(cidr: string, number: number): string {
  const [base] = ipaddr.parseCIDR(cidr);
  const bytes = base.toByteArray();
  let rest = number;
  for (let at = bytes.length - 1; at >= 0 && rest > 0; at--) {
    const sum = (bytes[at] ?? 0) + rest;
    bytes[at] = sum % 256;
    rest = Math.floor(sum / 256);
  }
  return ipaddr.fromByteArray(bytes).toString();
}
