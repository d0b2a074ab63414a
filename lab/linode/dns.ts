import type { Answer, DecodedPacket, Packet, StringRecordType } from "dns-packet";
import type { Zone } from "./admin.js";

/** Answers to questions for names, from the emulated domains, as an authoritative server gives them (RFC 1034, 4.3.2). */

type Row = Zone["records"][number];

const codes = { noError: 0, nameError: 3, refused: 5 };
const authoritative = 1 << 10;

/** How many CNAMEs are followed. */
const chainLimit = 8;

/** The answer to a query. Names of no zone are refused. */
export function answerTo(query: Pick<DecodedPacket, "id" | "questions">, zones: readonly Zone[]): Packet {
  const { id, questions = [] } = query;
  const [question] = questions;
  const reply = (code: number, answers: Answer[] = [], authorities: Answer[] = []): Packet => ({
    id,
    type: "response",
    // The lower four bits of the flags are the code: dns-packet writes them as they are.
    flags: (code === codes.refused ? 0 : authoritative) | code,
    questions,
    answers,
    authorities,
  });
  const name = question?.name.toLowerCase() ?? "";
  const zone = zones
    .filter(({ domain }) => isIn(domain, name))
    .sort((one, other) => other.domain.length - one.domain.length)[0];
  if (!question || !zone) return reply(codes.refused);
  const answers: Answer[] = [];
  let wanted = name;
  let rows = rowsOf(zone, wanted);
  for (let step = 0; step < chainLimit; step++) {
    const alias = rows?.find(({ type }) => type === "CNAME");
    if (!alias || question.type === "CNAME") break;
    const target = alias.target.replace(/\.$/, "");
    answers.push({ type: "CNAME", name: wanted, ttl: alias.ttl, data: target });
    wanted = target.toLowerCase();
    rows = isIn(zone.domain, wanted) ? rowsOf(zone, wanted) : undefined;
  }
  answers.push(
    ...(rows ?? []).filter(({ type }) => type === question.type).flatMap((row) => written(wanted, row)),
  );
  if (question.type === "SOA" && wanted === zone.domain) answers.push(soaOf(zone));
  if (answers.length > 0) return reply(codes.noError, answers);
  return reply(rows ? codes.noError : codes.nameError, [], [soaOf(zone)]);
}

const isIn = (domain: string, name: string): boolean => name === domain || name.endsWith(`.${domain}`);

/** The records of a name, else those of the wildcard that stands for it; undefined where the name does not exist. */
function rowsOf({ domain, records }: Zone, name: string): Row[] | undefined {
  const inside = name === domain ? "" : name.slice(0, -domain.length - 1);
  const exact = records.filter((row) => row.name === inside);
  if (exact.length > 0) return exact;
  // A name above a record exists too, and has nothing.
  if (inside === "" || records.some((row) => row.name.endsWith(`.${inside}`))) return [];
  for (let rest = inside; rest !== ""; ) {
    rest = rest.includes(".") ? rest.slice(rest.indexOf(".") + 1) : "";
    const wild = records.filter((row) => row.name === (rest === "" ? "*" : `*.${rest}`));
    if (wild.length > 0) return wild;
    // The wildcard of the nearest name that exists stands for it, and no other (RFC 4592, 3.3.1).
    const exists = records.some((row) => row.name === rest || row.name.endsWith(`.${rest}`));
    if (rest !== "" && exists) return undefined;
  }
  return undefined;
}

/** A record as it is sent. Of kinds that nobody here asks for nothing is sent. */
function written(name: string, { type, target, ttl, priority }: Row): Answer[] {
  switch (type) {
    case "A":
    case "AAAA":
    case "NS":
      return [{ type, name, ttl, data: target } as Answer & { type: StringRecordType }];
    case "CNAME":
      return [{ type, name, ttl, data: target }];
    case "TXT":
      // A text has its length in one byte.
      return [{ type, name, ttl, data: target.match(/[\s\S]{1,255}/g) ?? "" }];
    case "MX":
      return [{ type, name, ttl, data: { exchange: target, preference: priority } }];
    default:
      return [];
  }
}

const soaOf = ({ domain, email, ttl }: Zone): Answer => ({
  type: "SOA",
  name: domain,
  ttl,
  data: {
    mname: "ns1.linode.com",
    rname: email.replace("@", ".") || `hostmaster.${domain}`,
    serial: 1,
    refresh: 14_400,
    retry: 14_400,
    expire: 1_209_600,
    minimum: 30,
  },
});
