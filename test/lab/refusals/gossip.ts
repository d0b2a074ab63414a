import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/** Just enough of memberlist, by which Consul's and Nomad's agents watch each other: a ping, sealed or not. */

/** memberlist's ping over TCP: its number, and {SeqNo: 7, Node: ""} in MessagePack. */
export const ping = Buffer.concat([
  Buffer.from([0, 0x82, 0xa5]),
  Buffer.from("SeqNo"),
  Buffer.from([7, 0xa4]),
  Buffer.from("Node"),
  Buffer.from([0xa0]),
]);
const [pong, packed, sealed] = [2, 9, 10];

/** As memberlist seals what it sends: its number, a length, a version, then AES-GCM over these five bytes too. */
export function seal(key: string, plain: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(sealed);
  head.writeUInt32BE(1 + 12 + plain.length + 16, 1);
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", Buffer.from(key, "base64"), nonce).setAAD(head);
  const text = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([head, Buffer.from([1]), nonce, text, cipher.getAuthTag()]);
}

function open(key: string, bytes: Buffer): Buffer {
  const [nonce, text, tag] = [bytes.subarray(6, 18), bytes.subarray(18, -16), bytes.subarray(-16)];
  const cipher = createDecipheriv("aes-256-gcm", Buffer.from(key, "base64"), nonce);
  cipher.setAAD(bytes.subarray(0, 5)).setAuthTag(tag);
  return Buffer.concat([cipher.update(text), cipher.final()]);
}

/** "answered" is the answer to the ping; "answered, sealed" says something that the knocker cannot read. */
export function gossipOutcome(key: string, answer: string): string {
  const [word, text] = answer.split(" ");
  if (word !== "answered" || !text) return answer;
  const bytes = Buffer.from(text, "base64");
  if (bytes[0] !== sealed) return `answered in clear: ${text}`;
  return kindOf(open(key, bytes)) === pong ? "answered" : "answered, sealed";
}

/** The kind of a message: its first byte, if need be unpacked. LZW's first code of nine bits says "begin", the second is it. */
function kindOf(message: Buffer): number | undefined {
  if (message[0] !== packed) return message[0];
  const at = message.indexOf("Buf") + 3;
  const lengthBytes = { 217: 1, 196: 1, 218: 2, 197: 2 }[message[at] ?? 0] ?? 0;
  return (message.readUIntLE(at + 1 + lengthBytes, 3) >> 9) & 0x1ff;
}
