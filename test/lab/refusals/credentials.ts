/**
 * What somebody who reaches a port gets there, by what he shows. Beside each refusal stands the like that is allowed.
 *
 * "handshake refused": TLS ends before anything was said. "dropped": the connection is ended without an answer.
 * "kept": it is not, the other side waits for more.
 */
export type Outcome =
  | "accepted"
  | "kept"
  | "answered"
  | "answered, sealed"
  | "allowed"
  | "refused"
  | "handshake refused"
  | "dropped"
  | `HTTP ${number}`;

type Rows = Readonly<Record<string, Outcome>>;

/** Clear text where TLS is spoken, and TLS, for which an API asks for no certificate: it asks for a token, see below. */
const api = { "clear text": "HTTP 400", "TLS, no certificate": "accepted" } as const satisfies Rows;

/** By the service's name in the table of ports. */
export const outcomes = {
  "Consul RPC": {
    "clear text": "dropped",
    "clear text, for Raft": "dropped",
    "no certificate": "handshake refused",
    "a certificate of a foreign authority": "handshake refused",
    "its machine's certificate of Nomad": "handshake refused",
    "a server's certificate that has expired": "handshake refused",
    "a client's certificate": "accepted",
    "a client's certificate, for Raft": "dropped",
    "a server's certificate, for Raft": "kept",
    "no certificate, as a newcomer": "accepted",
    "no certificate, as a newcomer: be given one": "refused",
    "no certificate, as a newcomer: be configured": "refused",
  },
  "Nomad RPC": {
    "clear text": "dropped",
    "clear text, for Raft": "dropped",
    "no certificate": "handshake refused",
    "a certificate of a foreign authority": "handshake refused",
    "its machine's certificate of Consul": "handshake refused",
    "a server's certificate that has expired": "handshake refused",
    "a client's certificate": "accepted",
    "a client's certificate, for Raft": "dropped",
    "a server's certificate, for Raft": "kept",
  },
  "Consul gossip": {
    "clear text": "answered, sealed",
    "another key": "answered, sealed",
    "its key": "answered",
  },
  "Nomad gossip": {
    "clear text": "answered, sealed",
    "Consul's key": "answered, sealed",
    "its key": "answered",
  },
  "Vault cluster": {
    "clear text": "dropped",
    "no certificate": "handshake refused",
    "its machine's certificate of Vault's API": "handshake refused",
    "the servers' own, one by one (all are voters)": "accepted",
  },
  "Consul API": api,
  "Vault API": api,
  "Nomad API": api,
  unsealer: api,
  "artifact store": api,
  signer: { ...api, "clear text": "dropped" },
  "SSH on support": {
    "the stack's key": "allowed",
    "the stack's key, as root": "refused",
    "another key": "refused",
    "the key by which support has servers restarted": "refused",
    "a password": "refused",
    "a password, asked for by questions": "refused",
    "forward to a member's SSH": "allowed",
    "forward to a pass-through of support's own": "allowed",
    "forward to another port of a member": "refused",
    "forward to the signer behind its gate": "refused",
    "forward to the unsealer": "refused",
    "forward to a socket": "refused",
    "forward from there to here": "refused",
    "forward from a socket there to here": "refused",
    "the agent": "refused",
    X11: "refused",
    "a tunnel": "refused",
  },
  SSH: {
    "the stack's key": "allowed",
    "the stack's key, as root": "refused",
    "a password": "refused",
    "forward to an API on loopback": "refused",
    "forward from there to here": "refused",
    "the agent": "refused",
    "the restart key: what waits?": "allowed",
    "the restart key: deletes a sound server's data": "refused",
    "the restart key: another command": "refused",
    "the restart key: a shell": "refused",
    "the restart key: a terminal": "refused",
    "the restart key: files (sftp)": "refused",
    "the restart key: forward to an API": "refused",
  },
  "site, redirect": { "clear text": "HTTP 308" },
  site: { "clear text": "HTTP 400", "TLS, no certificate": "accepted" },
} as const satisfies Record<string, Rows>;

export type Service = keyof typeof outcomes;

/** Lines of the table of ports behind which another line's service answers, or that say nothing of their own. */
export const carriedOn: Readonly<Record<string, string>> = {
  "Vault through support": "Vault API",
  "Consul through support": "Consul API",
  "Nomad through support": "Nomad API",
  "Nomad API of clients": "Nomad API",
  // What a task speaks is the task's own; the site's is the only one here.
  tasks: "site",
};

/** What each of a list of certificates is asked for of the signer by a client's own key, and what comes of it. */
export const signing = {
  "its own names and addresses": "allowed",
  "its own names alone": "allowed",
  "a life of ten years, in the request": "refused",
  "further usages, in the request's extensions": "allowed",
  "to be an authority": "refused",
  "a server's name": "refused",
  "a server's name as common name": "refused",
  "the name of a service": "refused",
  "a wildcard": "refused",
  "another machine's name": "refused",
  "another machine's address": "refused",
  "an e-mail address": "refused",
  "a URI": "refused",
  "another machine's profile": "refused",
  "another service": "refused",
  "a seal by another key": "refused",
} as const satisfies Rows;

/** The text of the credentials, endpoints and signing, for a reviewer. */
export function credentialsText(): string {
  const block = (title: string, rows: Rows): string[] => {
    const width = Math.max(...Object.keys(rows).map((name) => name.length));
    return [
      title,
      ...Object.entries(rows).map(([name, outcome]) => `  ${name.padEnd(width)}  ${outcome}`),
      "",
    ];
  };
  return [
    "What is got there with what in hand.",
    "",
    ...Object.entries(outcomes).flatMap(([service, rows]) => block(service, rows)),
    ...block("A client's own key asks the signer for a certificate with", signing),
  ].join("\n");
}
